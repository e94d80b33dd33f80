#include "polyformer/compile/reports/plan_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "polyformer/compile/reports/stretch_table.h"
#include "polyformer/compile/reports/stretches.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/support/table.h"

namespace polyformer::compile {

namespace {

nlohmann::json stretches_json(const Plan& plan) {
    nlohmann::json all = nlohmann::json::array();
    for (const Stretch& stretch : stretches_of(plan)) {
        nlohmann::json polynomials = nlohmann::json::array();
        for (const PolynomialUse& use : stretch.polynomials) {
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

/// "128 tokens x 256 features a ciphertext", with the images or texts in front where there are several.
std::string describe(const Packing& packing) {
    const std::string images = packing.images > 1 ? fmt::format("{} inputs x ", packing.images) : "";
    return fmt::format("{}{} tokens x {} features a ciphertext", images, packing.tokens, packing.features);
}

/// Levels used in each stretch; of a deep model, whose list nobody would read, the least, the greatest and the mean.
std::string used_levels(const Plan& plan) {
    constexpr std::size_t kMostListed = 24;
    std::vector<int> used;
    for (const Stretch& stretch : stretches_of(plan)) used.push_back(stretch.used);
    if (used.size() <= kMostListed) return fmt::format("{}", fmt::join(used, ", "));
    const auto [least, greatest] = std::ranges::minmax(used);
    const double mean = std::accumulate(used.begin(), used.end(), 0.0) / static_cast<double>(used.size());
    return fmt::format("{} to {}, {:.1f} on average, in {} stretches", least, greatest, mean, used.size());
}

std::string bytes(std::size_t count) {
    return format_bytes(static_cast<double>(count));
}

/// What each kind of keys would take, a line for each.
std::string table_of(const std::vector<KeyPoint>& points, Keys chosen) {
    std::vector<std::vector<std::string>> rows{
        {"keys", "rotation keys", "in a file", "in memory", "working memory", "estimated time"}};
    for (const KeyPoint& point : points) {
        const PlanSummary& summary = point.summary;
        rows.push_back({fmt::format("{}{}", name_of(point.keys), point.keys == chosen ? " (chosen)" : ""),
                        fmt::format("{}", summary.rotation_keys), bytes(summary.key_bytes_file),
                        bytes(summary.key_bytes_memory), bytes(summary.working_bytes),
                        format_duration(summary.seconds)});
    }
    return format_table(rows);
}

nlohmann::json json_of(const std::vector<KeyPoint>& points) {
    nlohmann::json all = nlohmann::json::array();
    for (const KeyPoint& point : points) {
        const PlanSummary& summary = point.summary;
        all.push_back({{"keys", name_of(point.keys)},
                       {"rotation_keys", summary.rotation_keys},
                       {"key_bytes_memory", summary.key_bytes_memory},
                       {"key_bytes_file", summary.key_bytes_file},
                       {"working_bytes", summary.working_bytes},
                       {"seconds", summary.seconds}});
    }
    return all;
}

}  // namespace

std::string describe(const Plan& plan) {
    const Frame& frame = plan.frame;
    const PlanSummary& summary = plan.summary;
    const ckks::Parameters& parameters = frame.parameters;
    const std::string security =
        parameters.security_bits() > 0 ? fmt::format("{} bits (classical)", parameters.security_bits()) : "insecure";
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
        {"levels used between bootstraps", used_levels(plan)},
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
        {"on", fmt::format("{}, {} threads", describe(plan.options.costs.machine), plan.options.costs.threads)},
    });
}

nlohmann::json to_json(const Plan& plan) {
    const Frame& frame = plan.frame;
    const PlanSummary& summary = plan.summary;
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
            {"keys", name_of(plan.options.keys)},
            {"rotation_keys", summary.rotation_keys},
            {"key_bytes_memory", summary.key_bytes_memory},
            {"key_bytes_file", summary.key_bytes_file},
            {"working_bytes", summary.working_bytes},
            {"request_bytes", summary.request_bytes},
            {"reply_bytes", summary.reply_bytes},
            {"seconds", summary.seconds},
            {"machine",
             {{"processor", plan.options.costs.machine.processor},
              {"kernels", plan.options.costs.machine.kernels},
              {"threads", plan.options.costs.threads}}}};
}

std::string describe(const Plan& plan, const std::vector<KeyPoint>& points) {
    return fmt::format("{}\n{}\n{}", describe(plan), table_of(points, plan.options.keys),
                       stretch_table(stretches_of(plan)));
}

nlohmann::json to_json(const Plan& plan, const std::vector<KeyPoint>& points) {
    nlohmann::json report = to_json(plan);
    report["key_points"] = json_of(points);
    return report;
}

}  // namespace polyformer::compile
