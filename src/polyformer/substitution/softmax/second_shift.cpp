#include "polyformer/substitution/softmax/second_shift.h"

#include <string>
#include <utility>
#include <vector>

#include "polyformer/model/graph/graph_edit.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {

using model::NodeId;

void add_second_shift(model::Graph& graph, std::span<SoftmaxAttention> attentions, std::size_t index) {
    const SoftmaxAttention attention = attentions[index];
    require(!attention.prefix_scores, "'{}' has a public prefix, whose weights a second shift would leave out",
            graph.nodes[attention.weights].name);
    const NodeId first = attention.root;
    const std::string& root = graph.nodes[first].name;
    const std::string prefix = root.substr(0, root.rfind('.') + 1);
    model::AttentionSums sums = std::get<model::AttentionSums>(graph.nodes[attention.sums].operation);
    sums.scores = first;
    const std::vector<float> factors(attention.heads, -2.0F);
    const std::vector<model::Node> added{
        {prefix + "glance", model::Apply{attention.shifted, {-1, 1, {0}}, "exp_half"}},
        {prefix + "glance_sums", std::move(sums)},
        {prefix + "glance_log", model::Apply{first + 1, {-1, 1, {0}}, "log"}},
        {prefix + "correction", model::ScaleFeatures{.input = first + 2, .factors = factors}},
        {prefix + "corrected", model::ShiftScores{attention.shifted, first + 3}}};
    model::insert_nodes(graph, first, added);
    std::get<model::Apply>(graph.nodes[first + added.size()].operation).input = first + added.size() - 1;
    for (SoftmaxAttention& any : attentions) {
        for (NodeId* id :
             {&any.scores, &any.shift, &any.shifted, &any.root, &any.weights, &any.values, &any.sums, &any.all_sums}) {
            *id += *id >= first ? added.size() : 0;
        }
    }
}

}  // namespace polyformer::substitution
