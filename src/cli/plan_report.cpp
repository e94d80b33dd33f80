#include "cli/plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/output.h"
#include "support/error.h"
#include "support/parallel.h"
#include "support/progress.h"

namespace polyformer::cli {

namespace {

/// Levels used in each stretch between bootstraps: from the level that a stretch starts at to the lowest it reaches.
std::vector<int> levels_per_stretch(const compile::Plan& plan) {
    std::vector<int> used;
    int top = plan.input_level;
    int lowest = top;
    for (const compile::Step& step : plan.steps) {
        if (std::holds_alternative<compile::BootstrapStep>(step.operation)) {
            used.push_back(top - lowest);
            top = step.output_level;
            lowest = top;
        } else {
            lowest = std::min(lowest, step.output_level);
        }
    }
    used.push_back(top - lowest);
    return used;
}

std::string bytes(std::size_t count) {
    return format_bytes(static_cast<double>(count));
}

}  // namespace

std::string describe(const compile::Plan& plan) {
    const compile::PlanSummary& summary = plan.summary;
    const ckks::Parameters& parameters = plan.parameters;
    const std::string security =
        parameters.security_bits() > 0 ? fmt::format("{} bits (classical)", parameters.security_bits()) : "insecure";
    std::string stretches;
    for (const int levels : levels_per_stretch(plan))
        stretches += fmt::format("{}{}", stretches.empty() ? "" : ", ", levels);
    return format_table({
        {"plan", ""},
        {"model", fmt::format("width {}, context {}, vocabulary {}", plan.width, plan.context, plan.vocabulary)},
        {"ring dimension", fmt::format("{}", parameters.ring_dimension())},
        {"log2(QP)", fmt::format("{:.1f}", parameters.log2_qp())},
        {"security", security},
        {"packing", fmt::format("{} tokens x {} features a ciphertext", plan.packing.tokens, plan.packing.features)},
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
        {"estimated time", format_duration(summary.seconds)},
    });
}

nlohmann::json to_json(const compile::Plan& plan) {
    const compile::PlanSummary& summary = plan.summary;
    return {{"model_fingerprint", plan.model_fingerprint},
            {"ring_dimension", plan.parameters.ring_dimension()},
            {"log2_qp", plan.parameters.log2_qp()},
            {"security_bits", plan.parameters.security_bits()},
            {"tokens", plan.packing.tokens},
            {"features", plan.packing.features},
            {"working_levels", plan.parameters.working_level()},
            {"levels_between_bootstraps", levels_per_stretch(plan)},
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

void add_plan_choice(CLI::App& command, PlanChoice& choice) {
    command.add_option("--positions", choice.positions, "Logits of the 'last' position or of 'all'")
        ->check(CLI::IsMember({"last", "all"}))
        ->capture_default_str();
    command.add_option("--insecure-ring-dimension", choice.insecure_ring_dimension,
                       "For tests: a small ring, quick and WITHOUT ANY SECURITY");
}

compile::PlanOptions plan_options(const PlanChoice& choice) {
    compile::PlanOptions options;
    options.positions = choice.positions == "all" ? compile::Positions::all : compile::Positions::last;
    options.parameters = choice.insecure_ring_dimension == 0
                             ? ckks::presets::bootstrapping_65536()
                             : ckks::presets::insecure_bootstrapping(choice.insecure_ring_dimension);
    options.costs.threads = static_cast<double>(thread_count());
    return options;
}

}  // namespace polyformer::cli
