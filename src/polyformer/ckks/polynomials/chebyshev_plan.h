// How a Chebyshev series is evaluated: which T_k are needed and how the series splits into products with them.
//
// T_k = 2·T_a·T_b − T_{|a−b|}, a + b = k, lies ⌈log2 k⌉ levels below T_1. A series is divided by T_g, g the greatest
// power of two up to its degree: p = q·T_g + r. Every division on the way to the leading coefficients must go on until
// the quotient has degree 1, since only there depth counts; the other parts stop at a few terms (ePrint 2020/1203, §5).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace polyformer::ckks {

/// coefficient · T_index.
struct ChebyshevTerm {
    int index = 0;  ///< k of T_k, at least 1
    double coefficient = 0;
};

struct ChebyshevNode;

/// quotient · T_power.
struct ChebyshevProduct {
    std::unique_ptr<ChebyshevNode> quotient;
    int power = 0;  ///< g of T_g
};

/// constant + Σ coefficient·T_index + Σ quotient·T_power: all terms are summed one level above `depth`, relinearised
/// once and rescaled once.
struct ChebyshevNode {
    int depth = 0;  ///< levels under the input at which the value is
    double constant = 0;
    std::vector<ChebyshevTerm> terms;
    std::vector<ChebyshevProduct> products;
};

/// T_k = 2·T_a·T_b − T_{a−b}, a ≥ b.
struct ChebyshevStep {
    int a = 0;
    int b = 0;
};

/// How a series is evaluated: first the powers, then the tree from its leaves to its root.
struct ChebyshevPlan {
    std::map<int, ChebyshevStep> powers;  ///< k ≥ 2 → step, in an order in which operands come first
    ChebyshevNode root;
    int products = 0;  ///< of two ciphertexts, in all
};

/// ⌈log2 k⌉ for k ≥ 1: levels between T_1 and T_k.
int chebyshev_level(int index);

/// The plan of the fewest products that ends `depth` ≥ ⌈log2(degree + 1)⌉, 1 levels down. Zero coefficients cost
/// nothing.
ChebyshevPlan plan_chebyshev(std::span<const double> coefficients, int depth);

}  // namespace polyformer::ckks
