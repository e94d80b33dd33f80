#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/ckks_benchmark.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace polyformer::cli {

namespace {

std::string milliseconds(const nlohmann::json& seconds) {
    return fmt::format("{:.2f}", seconds.get<double>() * 1e3);
}

void print_ckks(const nlohmann::json& results) {
    std::vector<std::vector<std::string>> rows{{"ring", "limbs", "NTT ms", "rotate ms", "hoisted ms", "multiply ms",
                                                "rescale ms", "bootstrap s", "levels", "mean bits", "worst bits"}};
    for (const auto& result : results) {
        const auto& seconds = result.at("seconds");
        std::vector<std::string> row{fmt::format("{}", result.at("ring_dimension").get<std::size_t>()),
                                     fmt::format("{}", result.at("limbs").get<int>()),
                                     fmt::format("{:.3f}", seconds.at("ntt_one_limb").get<double>() * 1e3),
                                     milliseconds(seconds.at("rotate")),
                                     milliseconds(seconds.at("rotate_hoisted")),
                                     milliseconds(seconds.at("multiply_relinearise")),
                                     milliseconds(seconds.at("rescale"))};
        if (result.contains("bootstrap")) {
            const auto& bootstrap = result.at("bootstrap");
            row.push_back(fmt::format("{:.2f}", bootstrap.at("seconds").get<double>()));
            row.push_back(fmt::format("{}", bootstrap.at("levels_left").get<int>()));
            row.push_back(fmt::format("{:.1f}", bootstrap.at("mean_bits").get<double>()));
            row.push_back(fmt::format("{:.1f}", bootstrap.at("worst_bits").get<double>()));
        }
        rows.push_back(std::move(row));
    }
    fmt::print("{}", format_table(rows));
}

}  // namespace

void add_bench(CLI::App& program) {
    auto* command = program.add_subcommand("bench", "Measure what operations cost on this machine");
    command->require_subcommand(1);
    auto* ckks = command->add_subcommand("ckks", "NTT, rotation, product, rescaling and bootstrap");
    ckks->footer(
        "Examples:\n  polyformer bench ckks\n  polyformer bench ckks --ring 65536 --threads 1 --json bench.json");
    add_threads_option(*ckks);
    auto json_path = std::make_shared<std::string>();
    add_json_option(*ckks, *json_path);
    auto rings = std::make_shared<std::vector<std::size_t>>(std::vector<std::size_t>{16384, 32768, 65536});
    ckks->add_option("--ring", *rings, "Ring dimensions: 16384, 32768, 65536")->capture_default_str();
    ckks->callback([json_path, rings] {
        auto results = nlohmann::json::array();
        for (const std::size_t ring : *rings) {
            results.push_back(benchmark_ckks(
                ring, [ring](const std::string& what) { fmt::print(stderr, "N = {}: {} ...\n", ring, what); }));
        }
        if (*json_path != "-") print_ckks(results);
        write_json({{"ckks", results}}, *json_path);
    });
}

}  // namespace polyformer::cli
