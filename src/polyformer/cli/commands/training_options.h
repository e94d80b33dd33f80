// The options of every command that starts gradient descent.
#pragma once

#include <CLI/CLI.hpp>

#include "polyformer/train/process/trainer_process.h"

namespace polyformer::cli {

/// --threads, --device, --precision and --quiet. `options` must outlive the parsing.
void add_trainer_options(CLI::App& command, train::TrainerOptions& options);

}  // namespace polyformer::cli
