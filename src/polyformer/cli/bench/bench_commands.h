// The subcommands of `polyformer bench`. Each function adds one.
#pragma once

#include <CLI/CLI.hpp>

namespace polyformer::cli {

void add_bench_ckks(CLI::App& bench);
void add_bench_kernels(CLI::App& bench);
void add_bench_operations(CLI::App& bench);
void add_bench_bootstrap(CLI::App& bench);
void add_bench_calibrate(CLI::App& bench);
void add_bench_layer(CLI::App& bench);

}  // namespace polyformer::cli
