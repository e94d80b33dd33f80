#include "polyformer/model/graph/graph_files.h"

#include "polyformer/model/graph/graph_json.h"
#include "polyformer/model/graph/safetensors.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

constexpr const char* kGraphFile = "graph.json";
constexpr const char* kWeightsFile = "weights.safetensors";
constexpr std::size_t kMaxGraphBytes = std::size_t{1} << 28;

}  // namespace

void save_graph(const Graph& graph, const std::filesystem::path& directory) {
    validate(graph);
    make_directory(directory);
    // The fingerprint in graph.json covers the weights: a stop between the two files shows when they are loaded.
    write_safetensors(weights_of(graph), directory / kWeightsFile);
    write_file(directory / kGraphFile, graph_to_json(graph));
}

Graph load_graph(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / kGraphFile;
    require_own_file(file);  // its fingerprint stands for the weights
    const std::string text = read_file(file, kMaxGraphBytes);
    return graph_from_json(text, read_safetensors(directory / kWeightsFile), file.string());
}

}  // namespace polyformer::model
