#include "tests/model/fixtures.h"

namespace polyformer::model {

void append(Graph& graph, const char* name, Operation operation, double bound) {
    Node& node = graph.nodes.emplace_back();
    node.name = name;
    node.operation = std::move(operation);
    node.bound = bound;
}

Matrix unit_mask(std::size_t heads, std::size_t context, bool causal) {
    Matrix mask{heads * context, context, std::vector<float>(heads * context * context)};
    for (std::size_t row = 0; row < mask.rows; ++row) {
        for (std::size_t key = 0; key < (causal ? row % context + 1 : context); ++key) {
            mask.values[row * context + key] = 1;
        }
    }
    return mask;
}

Graph small_graph() {
    Graph graph;
    graph.context = 3;
    graph.width = 2;
    graph.vocabulary = 2;

    append(graph, "input", Input{}, 4);
    Linear affine;
    affine.weight = {2, 2, {2, 0, 0, 2}};
    affine.bias = {1, 1};
    append(graph, "affine", std::move(affine), 9);
    Apply square{1, {-1, 1, {0.5, 0, 0.5}}, "square"};
    append(graph, "square", std::move(square), 81);
    append(graph, "logits", Multiply{1, 2}, 729);
    return graph;
}

}  // namespace polyformer::model
