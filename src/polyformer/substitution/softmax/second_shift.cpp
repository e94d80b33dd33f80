#include "polyformer/substitution/softmax/second_shift.h"

#include <string>
#include <vector>

#include "polyformer/model/graph/visit.h"

namespace polyformer::substitution {
namespace {

using model::NodeId;

template <class Use>
void for_each_reference(model::Operation& operation, const Use& use) {
    std::visit(model::Overloaded{[](model::Input&) {},
                                 [&](model::Add& sum) {
                                     use(sum.left);
                                     use(sum.right);
                                 },
                                 [&](model::Multiply& product) {
                                     use(product.left);
                                     use(product.right);
                                 },
                                 [&](model::AttentionScores& scores) {
                                     use(scores.query);
                                     use(scores.key);
                                 },
                                 [&](model::ShiftScores& shift) {
                                     use(shift.scores);
                                     use(shift.shift);
                                 },
                                 [&](model::AttentionSums& sums) { use(sums.scores); },
                                 [&](model::AttentionValues& values) {
                                     use(values.scores);
                                     use(values.value);
                                 },
                                 [&](auto& with_one_input) { use(with_one_input.input); }},
               operation);
}

}  // namespace

void add_second_shift(model::Graph& graph, std::span<SoftmaxAttention> attentions, std::size_t index) {
    constexpr std::size_t kAdded = 5;
    const SoftmaxAttention attention = attentions[index];
    const NodeId first = attention.weights;
    const std::string& weights = graph.nodes[first].name;
    const std::string prefix = weights.substr(0, weights.rfind('.') + 1);
    model::AttentionSums sums = std::get<model::AttentionSums>(graph.nodes[attention.sums].operation);
    sums.scores = first;
    for (NodeId later = first; later < graph.nodes.size(); ++later) {
        for_each_reference(graph.nodes[later].operation, [&](NodeId& id) { id += id >= first ? kAdded : 0; });
    }
    std::get<model::Apply>(graph.nodes[first].operation).input = first + kAdded - 1;
    const std::vector<float> factors(attention.heads, -2.0F);
    const std::vector<model::Node> added{
        {prefix + "glance", model::Apply{attention.shifted, {-1, 1, {0}}, "exp_half"}},
        {prefix + "glance_sums", std::move(sums)},
        {prefix + "glance_log", model::Apply{first + 1, {-1, 1, {0}}, "log"}},
        {prefix + "correction", model::ScaleFeatures{.input = first + 2, .factors = factors}},
        {prefix + "corrected", model::ShiftScores{attention.shifted, first + 3}}};
    graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(first), added.begin(), added.end());
    for (SoftmaxAttention& any : attentions) {
        for (NodeId* id : {&any.scores, &any.shift, &any.shifted, &any.weights, &any.values, &any.sums}) {
            *id += *id >= first ? kAdded : 0;
        }
    }
}

}  // namespace polyformer::substitution
