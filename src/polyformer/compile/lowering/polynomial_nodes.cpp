#include "polyformer/compile/lowering/polynomial_nodes.h"

#include <cmath>
#include <optional>
#include <utility>

#include "polyformer/compile/analysis/weight_bounds.h"
#include "polyformer/compile/lowering/score_weights.h"
#include "polyformer/model/interpreter/operations.h"

namespace polyformer::compile {

namespace {

using model::NodeId;

/// An inverse of sums for each head, and the values that it multiplies, have far larger bounds than their product:
/// stored over these, the product would be lost in rounding. The inverse, which nothing else reads, takes the
/// constants that bring the product to its own bound, and may leave [-1, 1]. Whether that was done.
bool suits_product(State& state) {
    const auto alone = [&](NodeId id) {
        return state.all_facts[id].by_head && !state.all_facts[id].is_output && state.all_facts[id].uses.size() == 1;
    };
    if (!alone(state.node)) return false;
    NodeId factor = state.node;
    double other_bound = 1;  // of what an inverse in two parts has besides
    if (state.facts().uses.front().role == Role::elementwise) {
        const NodeId reader = state.facts().uses.front().reader;
        const auto* parts = std::get_if<model::Multiply>(&state.graph.nodes[reader].operation);
        if (parts == nullptr || !alone(reader)) return false;
        const NodeId other = parts->left == state.node ? parts->right : parts->left;
        if (other >= state.node) return false;  // the last part makes up for all
        other_bound = state.all_facts[other].bound;
        factor = reader;
    }
    const Use& use = state.all_facts[factor].uses.front();
    if (use.role != Role::factor || !state.all_facts[use.reader].only(Role::linear)) return false;
    const auto* product = std::get_if<model::Multiply>(&state.graph.nodes[use.reader].operation);
    if (product == nullptr) return false;
    const NodeId values = product->left == factor ? product->right : product->left;
    for (const Stored& form : state.forms.all(values)) {
        if (form.storage.layout != state.all_facts[values].layout || form.storage.shift != 0) continue;
        const double bound = state.graph.nodes[use.reader].bound;
        state.all_facts[state.node].bound = form.storage.factor * bound / other_bound;
        state.all_facts[factor].bound = form.storage.factor * bound;
        state.all_facts[use.reader].bound = bound;
        state.suited[factor] = true;
        return true;
    }
    return false;
}

/// The power of x that a polynomial on an interval above 0 stands for, found where it is largest, at the lower end: −1
/// or −1/2, or nothing.
std::optional<Inverse> inverse_of(const model::Polynomial& polynomial) {
    const double lower = polynomial.lower;
    if (lower <= 0 || polynomial.upper <= 2 * lower) return std::nullopt;
    const double growth =
        std::log2(model::evaluate_polynomial(polynomial, lower) / model::evaluate_polynomial(polynomial, 2 * lower));
    const double power = growth < 0.75 ? 0.5 : 1;
    if (!(std::abs(growth - power) <= power / 2)) return std::nullopt;
    return Inverse{power, polynomial.upper / lower};
}

}  // namespace

void lower(State& state, const model::Apply& apply) {
    if (is_squared_for_attention(state.graph, state.all_facts, state.node)) return;  // made with its square
    if (state.facts().behind_scores) return;                                         // made with the text's
    const Stored input = state.forms.stored(apply.input, chebyshev_variable(apply.polynomial));
    if (state.facts().only(Role::attention)) {
        // The mask rides on the polynomial: once for each of the masks that there are.
        for (const Use& use : state.facts().uses) {
            const WeighedKeys keys = keys_of(state, use.reader);
            if (find_weights(state, state.node, keys)) continue;
            PolynomialGate gate = polynomial_gate(apply, {0.5 / state.facts().bound, 0});
            add_weights(state, state.node, keys, input, std::move(gate));
        }
        return;
    }
    const bool inverse = suits_product(state);
    const auto wanted = state.forms.wanted(state.node);
    const Constants constants = wanted.size() == 1 ? wanted.front() : Constants{1 / state.facts().bound, 0};
    Storage storage = input.storage;
    storage.factor = constants.factor;
    storage.shift = constants.shift;
    storage.zero_elsewhere = false;
    state.forms.add(state.node, state.builder.gate(polynomial_gate(apply, constants), {input.bundle}, storage));
    if (inverse) state.builder.circuit.bundles.back().can_bootstrap = false;
}

PolynomialGate polynomial_gate(const model::Apply& apply, const Constants& wanted) {
    PolynomialGate gate;
    gate.coefficients = apply.polynomial.coefficients;
    for (double& coefficient : gate.coefficients) coefficient *= wanted.factor;
    gate.coefficients[0] += wanted.shift;
    while (gate.coefficients.size() > 1 && gate.coefficients.back() == 0) gate.coefficients.pop_back();
    gate.inverse = inverse_of(apply.polynomial);
    return gate;
}

}  // namespace polyformer::compile
