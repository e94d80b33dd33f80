// A directory of an image model: graph.json + weights.safetensors (the server's part), image.json (the client's part).
#pragma once

#include <filesystem>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/images/image_input.h"

namespace polyformer::model {

/// Both parts of an image model: the server's graph, and how the client makes its input of an image.
struct ImageModel {
    Graph graph;
    ImageInput input;
};

/// Whether a model's directory, or the client's part of a plan, takes images: image.json is there, or has been lost
/// from a folder whose manifest lists it. Throws FormatError for a damaged manifest.
bool takes_images(const std::filesystem::path& directory);

/// Throws FormatError as load_graph() and load_image_input() do, and when they do not fit each other.
ImageModel load_image_model(const std::filesystem::path& directory);

}  // namespace polyformer::model
