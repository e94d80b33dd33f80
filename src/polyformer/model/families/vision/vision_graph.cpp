#include "polyformer/model/families/vision/vision_graph.h"

#include <optional>
#include <utility>

#include "polyformer/model/builders/folding.h"
#include "polyformer/model/builders/function_nodes.h"
#include "polyformer/model/families/decoders/pre_norm_builder.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// What is added to each token; the extra ones, of zeros, have become the bias of the map of patches.
Matrix constants(const VisionShape& shape, const VisionTables& tables, const std::vector<float>& bias) {
    const std::size_t width = shape.layers.width;
    check_matrix(tables.positions, shape.tokens(), width, "positions");
    check_matrix(tables.extra, shape.extra_tokens, width, "extra tokens");
    Matrix values = tables.positions;
    for (std::size_t i = 0; i < tables.extra.values.size(); ++i) values.values[i] += tables.extra.values[i];
    values = centred(std::move(values));
    for (std::size_t i = 0; i < tables.extra.values.size(); ++i) values.values[i] -= bias[i % width];
    return values;
}

NodeId append_head(Graph& graph, PreNormBuilder& builder, const VisionHead& head, const NormWeights& norm,
                   const VisionShape& shape, const std::string& prefix, const std::string& norm_name) {
    const bool mean = head.token == VisionHead::kMean;
    NodeId node = builder.stream();
    if (!mean) node = append(graph, prefix + "pooling", SelectToken{node, head.token});
    node = append_norm(graph, norm_name, node, shape.layers.epsilon);
    if (mean) node = append(graph, prefix + "pooling", TokenMean{node});
    return builder.read(prefix + "logits", node, norm, head.logits, shape.layers.vocabulary);
}

}  // namespace

Graph build_vision(const VisionShape& shape, const VisionTables& tables, const ReadLayer& read_layer,
                   std::span<const VisionHead> heads) {
    require(!heads.empty(), "a vision transformer needs a head");
    const std::size_t width = shape.layers.width;
    Graph graph{.context = shape.tokens(),
                .width = tables.patches.weight.rows,
                .vocabulary = shape.layers.vocabulary,
                .nodes = {}};
    check_linear(tables.patches, 3 * shape.patch * shape.patch, width, "patches");
    check_vector(tables.patches.bias, width, "patches", "bias");
    const LinearWeights patches = centred(tables.patches);
    const NodeId input = append(graph, "input", Input{});
    const NodeId embedded = append_linear(graph, "patches", input, patches);
    const NodeId stream = append(graph, "positions", AddConstant{embedded, constants(shape, tables, patches.bias)});
    PreNormBuilder builder(graph, shape.layers, stream);
    for (std::size_t i = 0; i < shape.layers.layers; ++i) builder.add(i, read_layer(i));
    if (heads.size() == 1) {
        append_head(graph, builder, heads[0], tables.final_norm, shape, "", "final_norm");
    } else {
        std::optional<NodeId> sum;
        for (const VisionHead& head : heads) {
            const NodeId logits =
                append_head(graph, builder, head, tables.final_norm, shape, head.name + ".", head.name + ".norm");
            const bool last = &head == &heads.back();
            const std::string name = last ? "logits" : head.name + ".sum";
            sum = sum ? append(graph, name, Add{*sum, logits}) : logits;
        }
    }
    validate(graph);
    return graph;
}

}  // namespace polyformer::model
