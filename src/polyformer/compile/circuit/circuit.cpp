#include "polyformer/compile/circuit/circuit.h"

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

}  // namespace polyformer::compile
