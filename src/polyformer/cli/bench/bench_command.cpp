// `polyformer bench`, and `polyformer bench ckks`: the scheme at a glance.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "polyformer/cli/bench/bench_commands.h"
#include "polyformer/cli/bench/bootstrap_bench.h"
#include "polyformer/cli/bench/operations_bench.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"

namespace polyformer::cli {

namespace {

using nlohmann::json;

/// Operations at the preset's highest working level, and at 2^16 a bootstrap.
json overview(std::size_t ring_dimension) {
    const Announce announce = [&](const std::string& what) { to_stderr("N = {}: {} ...\n", ring_dimension, what); };
    OperationsRequest request{.parameters = preset_for(ring_dimension), .limbs = {}};
    request.limbs = {static_cast<std::size_t>(request.parameters.working_levels) + 1};
    json result = measure_operations(request, announce);
    json seconds;
    for (const json& one : result.at("measured")) {
        seconds[one.at("operation").get<std::string>()] = one.at("seconds");
    }
    result.erase("measured");
    result["seconds"] = seconds;
    if (request.parameters.bootstrapping) {
        result["bootstrap"] = measure_bootstrap({.parameters = request.parameters}, announce);
    }
    return result;
}

void print_overview(const json& results) {
    std::vector<std::vector<std::string>> rows{{"ring", "limbs", "NTT ms", "rotate ms", "hoisted ms", "multiply ms",
                                                "rescale ms", "bootstrap s", "levels", "mean bits", "worst bits"}};
    for (const json& result : results) {
        const auto milliseconds = [&](const char* operation) {
            return format_milliseconds(result.at("seconds").at(operation).get<double>());
        };
        std::vector<std::string> row{fmt::format("{}", result.at("ring_dimension").get<std::size_t>()),
                                     fmt::format("{}", result.at("limbs").get<int>()),
                                     milliseconds("ntt_one_limb"),
                                     milliseconds("rotate"),
                                     milliseconds("rotate_hoisted"),
                                     milliseconds("multiply_relinearise"),
                                     milliseconds("rescale")};
        if (result.contains("bootstrap")) {
            const json& bootstrap = result.at("bootstrap");
            row.push_back(fmt::format("{:.2f}", bootstrap.at("seconds").get<double>()));
            row.push_back(fmt::format("{}", bootstrap.at("levels_left").get<int>()));
            row.push_back(fmt::format("{:.1f}", bootstrap.at("mean_bits").get<double>()));
            row.push_back(fmt::format("{:.1f}", bootstrap.at("worst_bits").get<double>()));
        }
        rows.push_back(std::move(row));
    }
    to_stdout("{}", format_table(rows));
}

}  // namespace

void add_bench_ckks(CLI::App& bench) {
    auto* command = bench.add_subcommand("ckks", "At a glance: NTT, rotation, product, rescaling and bootstrap");
    command->footer(
        "Examples:\n  polyformer bench ckks\n  polyformer bench ckks --ring 65536 --threads 1 --json bench.json");
    add_threads_option(*command);
    auto json_path = std::make_shared<std::string>();
    add_json_option(*command, *json_path);
    auto rings = std::make_shared<std::vector<std::size_t>>(std::vector<std::size_t>{16384, 32768, 65536});
    command->add_option("--ring", *rings, "Ring dimensions")
        ->check(CLI::IsMember({"16384", "32768", "65536"}))
        ->capture_default_str();
    command->callback([json_path, rings] {
        CommandFiles().writes("--json", *json_path).check();
        auto results = json::array();
        for (const std::size_t ring : *rings) results.push_back(overview(ring));
        if (*json_path != "-") print_overview(results);
        write_json({{"ckks", results}}, *json_path);
    });
}

void add_bench(CLI::App& program) {
    auto* command = program.add_subcommand("bench", "Measure what operations cost on this machine");
    command->footer(
        "Examples:\n  polyformer bench ckks\n"
        "  polyformer bench layer --width 512 --heads 8 --tokens 128 --json layer.json\n\n"
        "docs/performance.md says what is counted and how.");
    command->require_subcommand(1);
    for (const auto add : {add_bench_ckks, add_bench_kernels, add_bench_operations, add_bench_bootstrap,
                           add_bench_layer, add_bench_calibrate}) {
        add(*command);
    }
}

}  // namespace polyformer::cli
