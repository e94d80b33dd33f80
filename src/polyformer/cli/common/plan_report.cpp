#include "polyformer/cli/common/plan_report.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "polyformer/cli/common/options.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::cli {

namespace {

/// "2.5": of something that every layer has a share of.
std::string per_layer(std::size_t count, std::size_t layers) {
    return fmt::format("{:.1f}", static_cast<double>(count) / static_cast<double>(layers));
}

std::string text_of(const compile::HalfDepths& depths) {
    return depths.norm == 0 ? fmt::format("{}", depths.activation)
                            : fmt::format("{} ({}+{})", depths.sum(), depths.norm, depths.activation);
}

nlohmann::json json_of(const compile::HalfDepths& depths) {
    return {{"norm", depths.norm}, {"activation", depths.activation}};
}

}  // namespace

std::string describe(const std::vector<compile::DepthCosts>& budget, std::size_t layers) {
    std::vector<std::vector<std::string>> rows{{"attention (norm+activation)", "feed-forward", "bootstraps a layer",
                                                "ciphertexts refreshed a layer", "estimated time"}};
    for (const compile::DepthCosts& choice : budget) {
        std::vector<std::string>& row = rows.emplace_back();
        row = {text_of(choice.attention), text_of(choice.feed_forward)};
        if (!choice.summary) {
            row.emplace_back("does not fit");
            continue;
        }
        row.push_back(per_layer(choice.summary->bootstraps, layers));
        row.push_back(per_layer(choice.summary->bootstrapped_values, layers));
        row.push_back(format_duration(choice.summary->seconds));
    }
    return format_table(rows);
}

nlohmann::json to_json(const std::vector<compile::DepthCosts>& budget) {
    nlohmann::json all = nlohmann::json::array();
    for (const compile::DepthCosts& choice : budget) {
        nlohmann::json& row = all.emplace_back();
        row = {{"attention", json_of(choice.attention)},
               {"feed_forward", json_of(choice.feed_forward)},
               {"fits", choice.summary.has_value()}};
        if (!choice.summary) continue;
        row["bootstraps"] = choice.summary->bootstraps;
        row["bootstrapped_ciphertexts"] = choice.summary->bootstrapped_values;
        row["seconds"] = choice.summary->seconds;
    }
    return all;
}

compile::PlanOptions measured_plan_options(const PlanChoice& choice, const model::Graph& graph, std::size_t inputs) {
    std::string source = choice.costs;
    if (source.empty()) source = choice.insecure_ring_dimension == 0 ? "measured" : "builtin";
    compile::PlanOptions options = compile::plan_options(choice, graph, inputs);  // refuses before anything is measured
    options.costs = calibration::choose_costs(source, calibration_listener());
    return options;
}

calibration::Listener calibration_listener() {
    const auto bar = std::make_shared<std::unique_ptr<Progress>>();
    return {.note = [](const std::string& line) { to_stderr("note: {}\n", line); },
            .progress =
                [bar](double share) {
                    if (!*bar) *bar = std::make_unique<Progress>("measuring this machine", 1);
                    (*bar)->update(share);
                    if (share >= 1) (*bar)->finish();
                }};
}

void add_costs_option(CLI::App& command, std::string& costs) {
    command
        .add_option("--costs", costs,
                    "What the plan's times and choices go by: 'measured' (this machine, measured once in 5 s and "
                    "remembered; the default), 'builtin' (the same everywhere), or the file of another machine "
                    "('bench calibrate --output' writes it there)")
        ->envname("POLYFORMER_COSTS");
}

void add_keys_option(CLI::App& command, std::string& keys) {
    command.add_option("--keys", keys, "How large the server's keys may be for less time")
        ->check(CLI::IsMember({"small", "balanced", "fast"}))
        ->capture_default_str();
}

void add_plan_choice(CLI::App& command, PlanChoice& choice) {
    command.add_option("--positions", choice.positions, "Logits of the 'last' position of a text or of 'all'")
        ->check(CLI::IsMember({"last", "all"}))
        ->capture_default_str();
    command.add_option("--images,--texts", choice.images,
                       "Images, or texts each of its own length, side by side in one ciphertext: 1, 2, 4, ... or "
                       "'most'; they share the time of one");
    add_keys_option(command, choice.keys);
    add_costs_option(command, choice.costs);
    add_insecure_ring_option(command, choice.insecure_ring_dimension);
}

}  // namespace polyformer::cli
