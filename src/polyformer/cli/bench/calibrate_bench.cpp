// `polyformer bench calibrate`: what plans take their times from, measured now.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/calibration/cost_files.h"
#include "polyformer/cli/bench/bench_commands.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/compile/plan/costs_json.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::cli {

namespace {

using compile::CostModel;

struct CalibrateOptions {
    std::string output;
    std::string json;
};

struct Line {
    const char* name;
    const char* what;
    double CostModel::*cost;
    double unit;   ///< of the seconds that are shown
    double bytes;  ///< that a word moves from or to memory; 0 where arithmetic rules
};

// A key's half is read packed, its digit in words. A product in full length is one of four of the same four words.
constexpr double kMilli = 1e-3;
constexpr double kNano = 1e-9;
constexpr std::array kLines{
    Line{"ntt", "transform of a limb, ms", &CostModel::ntt, kMilli, 0},
    Line{"conversion_word", "multiply-add of a base conversion, ns", &CostModel::conversion_word, kNano, 0},
    Line{"product_word", "multiply-add with a periodic plaintext, ns", &CostModel::product_word, kNano, 0},
    Line{"inner_word", "multiply-add of ciphertexts, ns", &CostModel::inner_word, kNano, 8},
    Line{"key_word", "word of a key's half, ns", &CostModel::key_word, kNano, 5.5 + 8},
    Line{"encoding_word", "residue of a periodic plaintext, ns", &CostModel::encoding_word, kNano, 0},
    Line{"sum_word", "residue of a sum, ns", &CostModel::sum_word, kNano, 24},
    Line{"bootstrap", "bootstrap, by its operations, s", &CostModel::bootstrap, 1, 0},
    Line{"bootstrap_second", "a second ciphertext in it, s", &CostModel::bootstrap_second, 1, 0},
};

/// Of all threads together.
double bytes_per_second(const CostModel& costs, const Line& line) {
    return line.bytes * costs.threads / (costs.*line.cost);
}

void print(const CostModel& measured) {
    const CostModel built_in;
    std::vector<std::vector<std::string>> rows{{"of one thread", "measured", "built in", "ratio", "GB/s, all threads"}};
    for (const Line& line : kLines) {
        const double found = measured.*line.cost;
        const double known = built_in.*line.cost;
        rows.push_back({line.what, fmt::format("{:.3f}", found / line.unit), fmt::format("{:.3f}", known / line.unit),
                        fmt::format("{:.2f}", found / known),
                        line.bytes > 0 ? fmt::format("{:.0f}", bytes_per_second(measured, line) / 1e9) : ""});
    }
    to_stdout("{}, {} threads (built in: {})\n\n{}", describe(measured.machine), measured.threads,
              describe(built_in.machine), format_table(rows));
}

nlohmann::json to_json(const CostModel& measured) {
    const CostModel built_in;
    nlohmann::json primitives = nlohmann::json::object();
    for (const Line& line : kLines) {
        nlohmann::json& primitive = primitives[line.name] = {{"seconds", measured.*line.cost},
                                                             {"builtin_seconds", built_in.*line.cost},
                                                             {"ratio", measured.*line.cost / (built_in.*line.cost)}};
        if (line.bytes > 0) primitive["bytes_per_second"] = bytes_per_second(measured, line);
    }
    return {{"costs", compile::costs_to_json(measured)}, {"primitives", primitives}};
}

void calibrate(const CalibrateOptions& options) {
    CommandFiles().writes("--output", options.output).writes("--json", options.json).check();
    const CostModel measured = calibration::measure_and_keep(calibration_listener());
    if (options.json != "-") print(measured);
    if (!options.output.empty()) calibration::save_costs(options.output, measured);
    write_json(to_json(measured), options.json);
}

}  // namespace

void add_bench_calibrate(CLI::App& bench) {
    auto options = std::make_shared<CalibrateOptions>();
    auto* command =
        bench.add_subcommand("calibrate", "Measure what plans take their times from, in 5 s, and remember it");
    command->footer(
        "Examples:\n  polyformer bench calibrate\n"
        "  polyformer bench calibrate --threads 16 --output server.json   # there\n"
        "  polyformer plan model --costs server.json --out plan           # here\n\n"
        "Plans do this once by themselves, for each processor, kernel set and number of threads; it is kept below\n"
        "$XDG_CACHE_HOME/polyformer or ~/.cache/polyformer. Measure again after a change of machine or program.");
    command->add_option("--output", options->output, "Also write the costs to this file, for 'plan --costs' elsewhere");
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { calibrate(*options); });
}

}  // namespace polyformer::cli
