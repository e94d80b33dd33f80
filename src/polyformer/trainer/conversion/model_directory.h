// Writes what encrypted inference starts from: a polynomial model with its bounds, its embedding and its tokenizer.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/trainer/batches/batches.h"
#include "polyformer/trainer/batches/image_batches.h"
#include "polyformer/trainer/network/transformer.h"
#include "polyformer/trainer/network/vision.h"

namespace polyformer::train {

/// Exports `model`, every site of which has a polynomial, to request.model: bounds from a pass of the exact interpreter
/// over training sequences, widened to whatever the intervals allow; metadata.json tells the model's road with
/// `results`, those of its stages by name. The folder appears as a whole (support/folders/folder_writer.h). Throws
/// Error when a polynomial is missing, as FolderWriter does, IoError.
void write_language_model(const TransformerImpl& model, Batches& batches, const StageRequest& request,
                          const nlohmann::ordered_json& results);

/// The same for images, augmented as in training; the client's part says how an image becomes patches.
void write_image_model(const VisionNetworkImpl& model, Examples& batches, const std::vector<std::string>& classes,
                       const Colours& colours, const StageRequest& request, const nlohmann::ordered_json& results);

}  // namespace polyformer::train
