// Small signed numbers, and whole numbers that doubles hold, however large, as residues.
#pragma once

#include <cmath>
#include <cstdint>

#include "polyformer/ckks/arithmetic/modulus.h"

namespace polyformer::ckks {

/// a modulo q for |a| < q.
inline std::uint64_t small_residue(std::int64_t a, const Modulus& q) {
    return static_cast<std::uint64_t>(a) + (static_cast<std::uint64_t>(a >> 63) & q.value());
}

/// x modulo q for a finite x without fraction, however large: x = mantissa · 2^exponent with a 53-bit mantissa.
inline std::uint64_t residue(double x, const Modulus& q) {
    if (std::abs(x) < 0x1p62) return q.reduce_signed(static_cast<std::int64_t>(x));
    int exponent = 0;
    const double mantissa = std::frexp(x, &exponent);
    const auto whole = static_cast<std::int64_t>(std::ldexp(mantissa, 53));
    return q.multiply(q.reduce_signed(whole), q.pow(2, static_cast<std::uint64_t>(exponent - 53)));
}

}  // namespace polyformer::ckks
