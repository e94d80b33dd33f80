#include "polyformer/cli/common/plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <vector>

#include "polyformer/cli/common/options.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/reports/stretches.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::cli {

namespace {

nlohmann::json stretches_json(const compile::Plan& plan) {
    nlohmann::json all = nlohmann::json::array();
    for (const compile::Stretch& stretch : compile::stretches_of(plan)) {
        nlohmann::json polynomials = nlohmann::json::array();
        for (const compile::PolynomialUse& use : stretch.polynomials) {
            polynomials.push_back({{"node", use.node}, {"depth", use.depth}, {"room", use.room}});
        }
        all.push_back({{"ciphertexts", stretch.ciphertexts},
                       {"first", stretch.first},
                       {"last", stretch.last},
                       {"levels", stretch.levels},
                       {"used", stretch.used},
                       {"kept", stretch.kept},
                       {"slack", stretch.slack},
                       {"polynomials", polynomials}});
    }
    return all;
}

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

/// "128 tokens x 256 features a ciphertext", with the images or texts in front where there are several.
std::string describe(const compile::Packing& packing) {
    const std::string images = packing.images > 1 ? fmt::format("{} inputs x ", packing.images) : "";
    return fmt::format("{}{} tokens x {} features a ciphertext", images, packing.tokens, packing.features);
}

std::string bytes(std::size_t count) {
    return format_bytes(static_cast<double>(count));
}

}  // namespace

std::string describe(const compile::Plan& plan) {
    const compile::Frame& frame = plan.frame;
    const compile::PlanSummary& summary = plan.summary;
    const ckks::Parameters& parameters = frame.parameters;
    const std::string security =
        parameters.security_bits() > 0 ? fmt::format("{} bits (classical)", parameters.security_bits()) : "insecure";
    std::string stretches;
    for (const compile::Stretch& stretch : compile::stretches_of(plan)) {
        stretches += fmt::format("{}{}", stretches.empty() ? "" : ", ", stretch.used);
    }
    std::string time = format_duration(summary.seconds);
    if (frame.packing.images > 1) {
        time += fmt::format(" ({} each)", format_duration(summary.seconds / static_cast<double>(frame.packing.images)));
    }
    return format_table({
        {"plan", ""},
        {"model", fmt::format("{} tokens of width {}, {} logits", frame.context, frame.width, frame.vocabulary)},
        {"ring dimension", fmt::format("{}", parameters.ring_dimension())},
        {"log2(QP)", fmt::format("{:.1f}", parameters.log2_qp())},
        {"security", security},
        {"packing", describe(frame.packing)},
        {"working levels", fmt::format("{}", parameters.working_level())},
        {"levels used between bootstraps", stretches},
        {"bootstraps", fmt::format("{} (of {} ciphertexts)", summary.bootstraps, summary.bootstrapped_values)},
        {"key switchings", fmt::format("{}", summary.key_switches)},
        {"ciphertext products", fmt::format("{}", summary.ciphertext_products)},
        {"plaintext products", fmt::format("{}", summary.plaintext_products)},
        {"rotation keys", fmt::format("{}", summary.rotation_keys)},
        {"server keys",
         fmt::format("{} in memory, {} in a file", bytes(summary.key_bytes_memory), bytes(summary.key_bytes_file))},
        {"working memory", bytes(summary.working_bytes)},
        {"request, reply", fmt::format("{}, {}", bytes(summary.request_bytes), bytes(summary.reply_bytes))},
        {"estimated time", time},
    });
}

nlohmann::json to_json(const compile::Plan& plan) {
    const compile::Frame& frame = plan.frame;
    const compile::PlanSummary& summary = plan.summary;
    return {{"model_fingerprint", frame.model_fingerprint},
            {"ring_dimension", frame.parameters.ring_dimension()},
            {"log2_qp", frame.parameters.log2_qp()},
            {"security_bits", frame.parameters.security_bits()},
            {"tokens", frame.packing.tokens},
            {"features", frame.packing.features},
            {"images", frame.packing.images},
            {"working_levels", frame.parameters.working_level()},
            {"stretches", stretches_json(plan)},
            {"bootstraps", summary.bootstraps},
            {"bootstrapped_ciphertexts", summary.bootstrapped_values},
            {"key_switches", summary.key_switches},
            {"ciphertext_products", summary.ciphertext_products},
            {"plaintext_products", summary.plaintext_products},
            {"rotation_keys", summary.rotation_keys},
            {"key_bytes_memory", summary.key_bytes_memory},
            {"key_bytes_file", summary.key_bytes_file},
            {"working_bytes", summary.working_bytes},
            {"request_bytes", summary.request_bytes},
            {"reply_bytes", summary.reply_bytes},
            {"seconds", summary.seconds}};
}

std::string describe_stretches(const compile::Plan& plan) {
    std::vector<std::vector<std::string>> rows{
        {"stretch", "first step", "last step", "levels", "used", "kept", "slack", "polynomials: depth (room)"}};
    for (const compile::Stretch& stretch : compile::stretches_of(plan)) {
        std::string polynomials;
        for (const compile::PolynomialUse& use : stretch.polynomials) {
            polynomials += fmt::format("{}{} {} ({})", polynomials.empty() ? "" : ", ", use.node, use.depth, use.room);
        }
        rows.push_back({fmt::format("{}", rows.size()), stretch.first, stretch.last, fmt::format("{}", stretch.levels),
                        fmt::format("{}", stretch.used), fmt::format("{}", stretch.kept),
                        fmt::format("{}", stretch.slack), polynomials});
    }
    return format_table(rows);
}

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

void add_plan_choice(CLI::App& command, PlanChoice& choice) {
    command.add_option("--positions", choice.positions, "Logits of the 'last' position of a text or of 'all'")
        ->check(CLI::IsMember({"last", "all"}))
        ->capture_default_str();
    command.add_option("--images,--texts", choice.images,
                       "Images, or texts each of its own length, side by side in one ciphertext: 1, 2, 4, ... or "
                       "'most'; they share the time of one");
    add_insecure_ring_option(command, choice.insecure_ring_dimension);
}

compile::PlanOptions plan_options(const PlanChoice& choice, const model::Graph& graph, std::size_t inputs) {
    compile::PlanOptions options;
    options.positions = choice.positions == "all" ? compile::Positions::all : compile::Positions::last;
    options.parameters = choice.insecure_ring_dimension == 0
                             ? ckks::presets::bootstrapping_65536()
                             : ckks::presets::insecure_bootstrapping(choice.insecure_ring_dimension);
    options.costs.threads = static_cast<double>(thread_count());
    if (choice.images == "most" || (choice.images.empty() && inputs > 1)) {
        const std::size_t most = compile::largest_image_count(graph, ckks::Parameters::create(options.parameters));
        options.images = choice.images == "most" ? most : std::min(most, std::bit_ceil(inputs));
    } else if (!choice.images.empty()) {
        const auto [end, error] =
            std::from_chars(choice.images.data(), choice.images.data() + choice.images.size(), options.images);
        require(error == std::errc{} && end == choice.images.data() + choice.images.size() &&
                    std::has_single_bit(options.images),
                "--images {} (or --texts): give a power of two, or 'most'", choice.images);
    }
    return options;
}

}  // namespace polyformer::cli
