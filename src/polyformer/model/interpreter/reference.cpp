#include "polyformer/model/interpreter/reference.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "polyformer/approx/fitting/target_function.h"
#include "polyformer/model/interpreter/operations.h"
#include "polyformer/support/error.h"

namespace polyformer::model {
namespace {

Tensor apply_function(const std::string& node, const std::string& name, Tensor values) {
    const std::vector<std::string> known = approx::target_function_names();
    if (std::ranges::find(known, name) == known.end()) {
        fail("the polynomial of '{}' replaces '{}', which is no function known here: {}", node, name,
             fmt::join(known, ", "));
    }
    const approx::TargetFunction function = approx::target_function(name);
    for (double& value : values.values) value = function(value);
    return values;
}

}  // namespace

Tensor evaluate_exact(const Graph& graph, const Tensor& embedded) {
    static_cast<void>(checked_shapes(graph, embedded));
    std::vector<Tensor> values;
    values.reserve(graph.nodes.size());
    for (const Node& node : graph.nodes) {
        const auto* apply = std::get_if<Apply>(&node.operation);
        values.push_back(apply != nullptr && !apply->replaces.empty()
                             ? apply_function(node.name, apply->replaces, values[apply->input])
                             : evaluate_operation(node.operation, values, embedded));
    }
    return std::move(values.back());
}

}  // namespace polyformer::model
