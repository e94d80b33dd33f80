// Polynomials in Chebyshev basis on ciphertexts, at depth ⌈log2(degree + 1)⌉ (Paterson–Stockmeyer; ePrint 2020/1203,
// §5).
#pragma once

#include <span>
#include <vector>

#include "polyformer/ckks/scheme/evaluator.h"

namespace polyformer::ckks {

/// p(u) = Σ_k coefficients[k] · T_k(u), |u| ≤ 1. With `mask` set (one value a slot, full length or a period of it), the
/// result is mask ⊙ p(u): the mask rides on the coefficients and costs no level.
struct ChebyshevSeries {
    std::vector<double> coefficients;
    std::vector<double> mask;

    std::size_t degree() const { return coefficients.empty() ? 0 : coefficients.size() - 1; }
    /// ⌈log2(degree + 1)⌉, at least 1.
    int depth() const;
};

/// Inputs u at one level and canonical scale; results depth() levels down at canonical scale, or with
/// scale = `output_scale` when that is not 0. Several inputs share encoded masks. Throws Error when the level is too
/// low.
std::vector<Ciphertext> evaluate_chebyshev(const Evaluator& evaluator, const ChebyshevSeries& series,
                                           std::span<const Ciphertext> inputs, double output_scale = 0);
Ciphertext evaluate_chebyshev(const Evaluator& evaluator, const ChebyshevSeries& series, const Ciphertext& input,
                              double output_scale = 0);

/// Products of two ciphertexts that one evaluation takes: what a cost model needs.
int chebyshev_products(std::size_t degree, bool even_or_odd = false);

}  // namespace polyformer::ckks
