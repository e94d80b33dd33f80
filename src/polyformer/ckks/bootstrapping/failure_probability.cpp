#include "polyformer/ckks/bootstrapping/failure_probability.h"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdint>
#include <limits>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

using Integer = boost::multiprecision::cpp_int;

constexpr int kFractionBits = 9;  // of ε, and more than the half's

double log2_of(const Integer& value) {
    const auto bits = static_cast<int>(boost::multiprecision::msb(value));
    const int shift = std::max(bits - 60, 0);
    return std::log2(static_cast<double>(static_cast<std::uint64_t>(value >> static_cast<unsigned>(shift)))) + shift;
}

}  // namespace

double log2_bootstrap_failure(std::size_t ring_dimension, int ephemeral_weight, int interval) {
    require(ring_dimension > 0 && ephemeral_weight > 0 && ephemeral_weight <= 4096 && interval > 0,
            "no failure probability for ring dimension {}, weight {} (1 to 4096) and interval {}: all must be positive",
            ring_dimension, ephemeral_weight, interval);
    // P(X ≥ x) = Σ_k (−1)^k·C(h, k)·(h/2 − x − k)^h / h! over k < h/2 − x, exactly, in units of 2^-kFractionBits.
    const int unit = 1 << kFractionBits;
    const int distance = ephemeral_weight * (unit / 2) - (interval * unit - unit / 2 - 1);  // h/2 − (K − 1/2 − ε)
    if (distance <= 0) return -std::numeric_limits<double>::infinity();
    const auto power = static_cast<unsigned>(ephemeral_weight);
    Integer sum = 0;
    Integer binomial = 1;
    for (int k = 0; k <= ephemeral_weight && distance - k * unit > 0; ++k) {
        const Integer term = binomial * boost::multiprecision::pow(Integer(distance - k * unit), power);
        sum += k % 2 == 0 ? term : -term;
        binomial = binomial * (ephemeral_weight - k) / (k + 1);
    }
    const double log2_tail = log2_of(sum) - static_cast<double>(kFractionBits) * ephemeral_weight -
                             std::lgamma(ephemeral_weight + 1.0) / std::log(2.0);
    return std::min(0.0, log2_tail + 1 + std::log2(static_cast<double>(ring_dimension)));
}

}  // namespace polyformer::ckks
