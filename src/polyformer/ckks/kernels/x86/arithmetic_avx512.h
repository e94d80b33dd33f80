// Eight residues at a time with AVX-512 IFMA, whose multiply-add takes the low 52 bits of both factors and adds the low
// or the high 52 bits of their product. Included by the AVX-512 kernels only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/arithmetic/constants.h"

namespace polyformer::ckks::avx512 {

using Vector = __m512i;
inline constexpr std::size_t kLanes = 8;

inline Vector zero() {
    return _mm512_setzero_si512();
}
inline Vector broadcast(std::uint64_t value) {
    return _mm512_set1_epi64(static_cast<long long>(value));
}
inline Vector load(const std::uint64_t* p) {
    return _mm512_loadu_si512(p);
}
inline void store(std::uint64_t* p, Vector v) {
    _mm512_storeu_si512(p, v);
}
inline Vector add(Vector a, Vector b) {
    return _mm512_add_epi64(a, b);
}
inline Vector subtract(Vector a, Vector b) {
    return _mm512_sub_epi64(a, b);
}
inline Vector low_52_bits(Vector a) {
    return _mm512_and_si512(a, broadcast((std::uint64_t{1} << 52) - 1));
}
/// Low 52 bits of a·b, plus `sum`.
inline Vector multiply_low(Vector sum, Vector a, Vector b) {
    return _mm512_madd52lo_epu64(sum, a, b);
}
/// High 52 bits of a·b, plus `sum`.
inline Vector multiply_high(Vector sum, Vector a, Vector b) {
    return _mm512_madd52hi_epu64(sum, a, b);
}
/// From [0, 2·bound) to [0, bound): below zero wraps to a huge number.
inline Vector reduce_once(Vector a, Vector bound) {
    return _mm512_min_epu64(a, subtract(a, bound));
}

/// A ShoupFactor in all lanes, or one in each.
struct Factor {
    Vector value;
    Vector quotient;
};

inline Factor broadcast(const ShoupFactor& factor) {
    return {broadcast(factor.value), broadcast(factor.quotient)};
}

/// Σ of products of numbers below 2^50, the two halves of each product apart: below 2^52 and 2^48, so that kMaxTerms
/// of them fit what VectorModulus::reduce() takes.
struct LazySum {
    static constexpr std::size_t kMaxTerms = 4000;

    Vector low = zero();
    Vector high = zero();

    void add_product(Vector a, Vector b) {
        low = multiply_low(low, a, b);
        high = multiply_high(high, a, b);
    }
};

/// A modulus q and its constants in all lanes. Arguments are residues in [0, q) unless stated otherwise.
class VectorModulus {
  public:
    explicit VectorModulus(const ModulusConstants& modulus)
        : q(broadcast(modulus.value)),
          two_q(broadcast(2 * modulus.value)),
          shift_(_mm_cvtsi32_si128(modulus.bits - 2)),
          unshift_(_mm_cvtsi32_si128(54 - modulus.bits)),
          negative_q_(broadcast((std::uint64_t{1} << 52) - modulus.value)),
          barrett_factor_(broadcast(modulus.barrett_factor >> 12)),
          reciprocal_(broadcast(modulus.reciprocal >> 12)),
          two_to_52_(broadcast(modulus.two_to_52)) {}

    static Factor factor(const ShoupFactor& factor) { return broadcast(factor); }

    Vector add(Vector a, Vector b) const { return reduce_once(avx512::add(a, b), q); }
    /// Where a - b wraps below zero, adding q gives the smaller number.
    Vector subtract(Vector a, Vector b) const {
        const Vector difference = avx512::subtract(a, b);
        return _mm512_min_epu64(difference, avx512::add(difference, q));
    }

    /// a - b + q, not reduced: what multiply() and multiply_lazy() take.
    Vector difference(Vector a, Vector b) const { return avx512::subtract(avx512::add(a, q), b); }
    /// a + b in [0, q), each a residue or what multiply_lazy() gives.
    Vector add_lazy(Vector a, Vector b) const { return reduce_below_4q(avx512::add(a, b)); }

    /// a·factor in [0, 2q), for any a < 2^52.
    Vector multiply_lazy(Vector a, const Factor& factor) const {
        const Vector quotient = multiply_high(zero(), a, factor.quotient);
        return subtract_multiple(multiply_low(zero(), a, factor.value), quotient);
    }
    /// a·factor in [0, q), for any a < 2^52.
    Vector multiply(Vector a, const Factor& factor) const { return reduce_once(multiply_lazy(a, factor), q); }

    /// a·b in [0, q). The quotient estimate of Barrett falls short by less than 2.5: the dropped digits cost 1/2, the
    /// rounded factor 1 and the floor 1.
    Vector multiply(Vector a, Vector b) const {
        const Vector low = multiply_low(zero(), a, b);
        const Vector high = multiply_high(zero(), a, b);
        const Vector leading = _mm512_or_si512(_mm512_sll_epi64(high, unshift_), _mm512_srl_epi64(low, shift_));
        return reduce_below_4q(subtract_multiple(low, multiply_high(zero(), leading, barrett_factor_)));
    }

    /// Any a < 2^52 to [0, q).
    Vector reduce(Vector a) const {
        return reduce_once(subtract_multiple(a, multiply_high(zero(), a, reciprocal_)), q);
    }

    /// From [0, 4q) to [0, q).
    Vector reduce_below_4q(Vector a) const { return reduce_once(reduce_once(a, two_q), q); }

    /// The sum in [0, q).
    Vector reduce(const LazySum& sum) const {
        const Vector high = avx512::add(sum.high, _mm512_srli_epi64(sum.low, 52));
        const Vector folded = multiply_lazy(reduce_lazy(high), two_to_52_);
        return reduce_below_4q(reduce_lazy(avx512::add(low_52_bits(sum.low), folded)));
    }

    /// Makes room for kMaxTerms more products.
    void condense(LazySum& sum) const { sum = {.low = reduce(sum), .high = zero()}; }

    /// The value of the factor with this quotient, which must not be that of zero. With value·2^52 = quotient·q + r and
    /// 0 < r < q, quotient·q / 2^52 falls short of the value by less than 1.
    Factor factor_of_quotient(Vector quotient) const { return {multiply_high(broadcast(1), quotient, q), quotient}; }

    const Vector q;
    const Vector two_q;

  private:
    /// low - quotient·q modulo 2^52.
    Vector subtract_multiple(Vector low, Vector quotient) const {
        return low_52_bits(multiply_low(low, quotient, negative_q_));
    }
    /// Any a < 2^61 to [0, 3q), by Barrett as in multiply().
    Vector reduce_lazy(Vector a) const {
        return subtract_multiple(a, multiply_high(zero(), _mm512_srl_epi64(a, shift_), barrett_factor_));
    }

    __m128i shift_;
    __m128i unshift_;
    Vector negative_q_;
    Vector barrett_factor_;
    Vector reciprocal_;
    Factor two_to_52_;
};

}  // namespace polyformer::ckks::avx512
