// The subcommands. Each function adds one to the program and wires what it does.
#pragma once

#include <CLI/CLI.hpp>

namespace polyformer::cli {

void add_data(CLI::App& program);
void add_train(CLI::App& program);
void add_tune(CLI::App& program);
void add_convert(CLI::App& program);
void add_study(CLI::App& program);
void add_report(CLI::App& program);
void add_eval(CLI::App& program);
void add_plan(CLI::App& program);
void add_random_model(CLI::App& program);
void add_keygen(CLI::App& program);
void add_encrypt(CLI::App& program);
void add_infer(CLI::App& program);
void add_decrypt(CLI::App& program);
void add_run(CLI::App& program);
void add_bench(CLI::App& program);

/// "--threads", for commands that compute: 0 means all cores.
void add_threads_option(CLI::App& command);

/// "--json FILE", for commands that have results.
void add_json_option(CLI::App& command, std::string& path);

}  // namespace polyformer::cli
