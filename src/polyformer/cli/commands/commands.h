// The subcommands. Each function adds one to the program and wires what it does.
#pragma once

#include <CLI/CLI.hpp>

#include "polyformer/cli/common/options.h"

namespace polyformer::cli {

void add_data(CLI::App& program);
void add_train(CLI::App& program);
void add_tune(CLI::App& program);
void add_convert(CLI::App& program);
void add_study(CLI::App& program);
void add_report(CLI::App& program);
void add_distil(CLI::App& program);
void add_import(CLI::App& program);
void add_fit_head(CLI::App& program);
void add_index(CLI::App& program);
void add_eval(CLI::App& program);
void add_plan(CLI::App& program);
void add_random_model(CLI::App& program);
void add_keygen(CLI::App& program);
void add_encrypt(CLI::App& program);
void add_infer(CLI::App& program);
void add_decrypt(CLI::App& program);
void add_run(CLI::App& program);
void add_generate(CLI::App& program);
void add_bench(CLI::App& program);

}  // namespace polyformer::cli
