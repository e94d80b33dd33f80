// The server's part of a model's directory: graph.json and weights.safetensors.
#pragma once

#include <filesystem>

#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Writes graph.json and weights.safetensors into `directory` (created when missing), each atomically. Validates first:
/// throws Error as validate() does, and IoError when a file cannot be written.
void save_graph(const Graph& graph, const std::filesystem::path& directory);
/// Reads and validates them. Every count and size is checked against the file before anything is allocated; throws
/// FormatError naming file, place, what was expected and what was found, also when the folder has a manifest and the
/// file is not its own (support/folders/manifest.h); IoError when a file is missing.
Graph load_graph(const std::filesystem::path& directory);

}  // namespace polyformer::model
