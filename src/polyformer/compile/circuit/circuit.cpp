#include "polyformer/compile/circuit/circuit.h"

#include <algorithm>

#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

using model::Overloaded;

int headroom_of(const Gate& gate, std::size_t input) {
    const auto* sum = std::get_if<SumGate>(&gate.operation);
    return sum != nullptr && input == 0 && sum->left_factor != 1 ? 1 : 0;
}

int depth_of(const Gate& gate) {
    return std::visit(Overloaded{[](const SumGate&) { return 0; }, [](const SumSlotsGate&) { return 0; },
                                 [](const CombineGate&) { return 0; },
                                 [](const PolynomialGate& polynomial) {
                                     return ckks::ChebyshevSeries{polynomial.coefficients, {}}.depth();
                                 },
                                 [](const auto&) { return 1; }},
                      gate.operation);
}

std::vector<bool> real_bundles(const Circuit& circuit) {
    std::vector<bool> real(circuit.bundles.size(), true);
    for (const Gate& gate : circuit.gates) {
        const bool inputs = std::ranges::all_of(gate.inputs, [&](BundleId input) { return real[input]; });
        const bool outputs =
            std::visit(Overloaded{[&](const PolynomialGate& polynomial) { return inputs && polynomial.masks.empty(); },
                                  [](const AttentionGate&) { return false; },
                                  [&](const CombineGate& combine) {
                                      const auto is_real = [&](const CombineGate::Term& term) {
                                          return real[gate.inputs[term.input]] && term.quarter_turns % 2 == 0;
                                      };
                                      return combine.doubled_real_part ||
                                             std::ranges::all_of(combine.outputs, [&](const auto& terms) {
                                                 return std::ranges::all_of(terms, is_real);
                                             });
                                  },
                                  [&](const auto&) { return inputs; }},
                       gate.operation);
        for (const BundleId output : gate.outputs) real[output] = outputs;
    }
    return real;
}

}  // namespace polyformer::compile
