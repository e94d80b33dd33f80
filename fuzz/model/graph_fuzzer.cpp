// Input: graph.json, a zero byte, weights.safetensors. Reading ends in a sound graph, which evaluates, or in
// FormatError.
#include <cstdint>
#include <string_view>

#include "polyformer/model/graph/graph_json.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/support/error.h"

/// An evaluation of a text stays far below libFuzzer's limit of time; 10 s of attention are no find.
constexpr std::size_t kMostTokens = 64;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t end = input.find('\0');
    if (end == std::string_view::npos) return -1;
    const std::string_view weights = input.substr(end + 1);
    try {
        const model::Graph graph = model::graph_from_json(
            input.substr(0, end), model::parse_safetensors(std::as_bytes(std::span(weights)), "weights"), "fuzz");
        const std::size_t tokens = model::takes_shorter_inputs(graph) ? 1 : graph.context;
        if (tokens > kMostTokens) return 0;
        model::evaluate(graph, {tokens, graph.width, std::vector<double>(tokens * graph.width, 0.5)});
    } catch (const FormatError&) {
    }
    return 0;
}
