// Writes what encrypted inference starts from: a polynomial model with its bounds, its embedding and its tokenizer.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "train/descent/batches.h"
#include "train/network/transformer.h"
#include "train/stage_request.h"

namespace polyformer::train {

/// Exports `model`, every site of which has a polynomial, to request.model: bounds from a pass of the exact interpreter
/// over training sequences, widened to whatever the intervals allow; metadata.json tells the model's road with
/// `results`, those of its stages by name. Throws Error when a polynomial is missing, IoError.
void write_model_directory(const Transformer& model, Batches& batches, const StageRequest& request,
                           const nlohmann::ordered_json& results);

}  // namespace polyformer::train
