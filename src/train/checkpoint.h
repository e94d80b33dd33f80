// A stage's state on disk: weights, optimiser, step, sites. Written whole or not at all.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "train/transformer.h"

namespace polyformer::train {

/// Saves everything a stage needs to go on. `recipe` is the text that a later run must share to resume this one.
void save_checkpoint(const std::filesystem::path& file, const Transformer& model,
                     const torch::optim::Optimizer& optimizer, std::size_t step, const std::string& recipe);

/// Loads weights and sites (intervals and polynomials), not the optimiser: what the next stage starts from. Throws
/// FormatError when the file is damaged or of another architecture.
void load_model(const std::filesystem::path& file, Transformer& model);

/// Loads all and returns the step. Throws Error when it was written under another recipe.
std::size_t resume_checkpoint(const std::filesystem::path& file, Transformer& model, torch::optim::Optimizer& optimizer,
                              const std::string& recipe);

}  // namespace polyformer::train
