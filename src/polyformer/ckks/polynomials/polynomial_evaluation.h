// Polynomials in Chebyshev basis on ciphertexts, at depth ⌈log2(degree + 1)⌉ (Paterson–Stockmeyer; ePrint 2020/1203,
// §5).
//
//     const ChebyshevSeries series{.coefficients = {0.5, 0.25, 0, 0.125}, .mask = {}};  // ½ + ¼·T_1 + ⅛·T_3
//     const Ciphertext y = evaluate_chebyshev(evaluator, series, x);  // series.depth() = 2 levels below x
#pragma once

#include <complex>
#include <span>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"

namespace polyformer::ckks {

/// p(u) = Σ_k coefficients[k] · T_k(u), |u| ≤ 1. With `mask` set (one value a slot, full length or a period of it), the
/// result is mask ⊙ p(u): the mask rides on the coefficients and costs no level. It may be complex: two real masks in
/// one evaluation.
struct ChebyshevSeries {
    std::vector<double> coefficients;
    std::vector<std::complex<double>> mask;

    std::size_t degree() const { return coefficients.empty() ? 0 : coefficients.size() - 1; }
    /// ⌈log2(degree + 1)⌉, at least 1.
    int depth() const;
};

/// Inputs u at one level and canonical scale; results depth() levels down at canonical scale, or with
/// scale = `output_scale` when that is not 0. Several inputs share encoded masks. Throws Error when the level is too
/// low, inputs or mask do not fit each other, a coefficient is not finite or the relinearisation key is missing.
std::vector<Ciphertext> evaluate_chebyshev(const Evaluator& evaluator, const ChebyshevSeries& series,
                                           std::span<const Ciphertext> inputs, double output_scale = 0);
Ciphertext evaluate_chebyshev(const Evaluator& evaluator, const ChebyshevSeries& series, const Ciphertext& input,
                              double output_scale = 0);

/// Products of two ciphertexts that one evaluation takes, when no coefficient is zero.
int chebyshev_products(std::size_t degree);

}  // namespace polyformer::ckks
