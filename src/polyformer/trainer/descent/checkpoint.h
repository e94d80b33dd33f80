// A stage's state on disk: weights, optimiser, step, history, sites. Written whole or not at all.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "polyformer/train/run/history.h"
#include "polyformer/trainer/descent/optimizer.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// How far a stage has come.
struct Reached {
    std::size_t step = 0;
    History history = {};
};

/// Saves everything a stage needs to go on. `recipe` is the text that a later run must share to resume this one.
void save_checkpoint(const std::filesystem::path& file, const Network& model, const Optimizer& optimizer,
                     const Reached& reached, const std::string& recipe);

/// Saves what a later stage starts from: weights and sites.
void save_model(const std::filesystem::path& file, const Network& model, const std::string& recipe);

/// Weights and sites of a checkpoint, for the stage after it. Throws FormatError for a damaged file or another shape;
/// Error when it is of another recipe, saying where they differ.
void load_model(const std::filesystem::path& file, Network& model, const std::string& recipe);

/// Restores all of it. Throws as load_model() does.
Reached resume_checkpoint(const std::filesystem::path& file, Network& model, Optimizer& optimizer,
                          const std::string& recipe);

}  // namespace polyformer::train
