#include "polyformer/substitution/polynomials/composed_inverse.h"

#include <cmath>
#include <numbers>
#include <utility>
#include <variant>
#include <vector>

#include "polyformer/model/graph/graph_edit.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

using model::Graph;
using model::NodeId;

/// T_n(u) / T_n(v) for |u| ≤ v, v ≥ 1.
double chebyshev_ratio(std::size_t n, double u, double v) {
    const double order = static_cast<double>(n);
    const double at_v = std::cosh(order * std::acosh(v));
    return (std::abs(u) <= 1 ? std::cos(order * std::acos(u)) : std::cosh(order * std::acosh(u))) / at_v;
}

void require_positive(approx::Interval interval) {
    approx::require_proper(interval);
    require(interval.lower > 0, "1/x has no polynomial on [{}, {}], which reaches 0", interval.lower, interval.upper);
}

}  // namespace

approx::Interval inverse_rest(approx::Interval interval, std::size_t degree) {
    require_positive(interval);
    const double error = chebyshev_ratio(degree + 1, 1, interval.center() / interval.radius());
    return {1 - error, 1 + error};
}

model::Polynomial inverse_start(approx::Interval interval, std::size_t degree) {
    require_positive(interval);
    const double middle = interval.center();
    const double radius = interval.radius();
    const std::size_t points = degree + 1;
    std::vector<double> coefficients(points, 0.0);
    for (std::size_t i = 0; i < points; ++i) {
        const double angle = std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(points);
        const double u = std::cos(angle);
        const double x = middle + radius * u;
        const double value = (1 - chebyshev_ratio(points, -u, middle / radius)) / x;
        for (std::size_t k = 0; k < points; ++k) {
            const double weight = (k == 0 ? 1.0 : 2.0) / static_cast<double>(points);
            coefficients[k] += weight * value * std::cos(static_cast<double>(k) * angle);
        }
    }
    return {interval.lower, interval.upper, std::move(coefficients)};
}

void compose_inverse(Graph& graph, NodeId node, approx::Interval interval, std::size_t degree) {
    const auto* apply = std::get_if<model::Apply>(&graph.nodes[node].operation);
    require(apply != nullptr && apply->replaces == "reciprocal", "'{}' is no reciprocal", graph.nodes[node].name);
    const NodeId input = apply->input;
    const std::string name = graph.nodes[node].name;
    const std::vector<model::Node> added{{name + ".start", model::Apply{input, inverse_start(interval, degree), ""}},
                                         {name + ".product", model::Multiply{input, node}},
                                         {name + ".rest", model::Apply{node + 1, {-1, 1, {0}}, "reciprocal"}}};
    model::insert_nodes(graph, node, added);
    graph.nodes[node + added.size()].operation = model::Multiply{node, node + 2};
}

}  // namespace polyformer::substitution
