// From a Hugging Face folder of a model of images to its graph and to how the client makes its input of an image.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/images/image_input.h"

namespace polyformer::model {

/// A checkpoint, imported but for its functions, which are still exact (see build_vision()).
struct ImportedImageModel {
    Graph graph;
    ImageInput input;
    std::string family;              ///< config.json's model_type
    std::vector<std::string> notes;  ///< for people
};

/// Whether config.json is of a family of images.
bool is_vision(const ModelConfig& config);

/// `config` is the folder's. Refuses by name what cannot be imported, and only then reads weights. Throws IoError for
/// files that are missing, FormatError naming file and field or tensor.
ImportedImageModel read_vision(const std::filesystem::path& folder, const ModelConfig& config);

}  // namespace polyformer::model
