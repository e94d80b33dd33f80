// Four residues at a time with AVX2 and FMA: integers below 2^53 held in doubles. A fused multiply-add gives the exact
// low part of a product whose high part is rounded (Dekker), so that no wide integer multiplication is needed.
// Included by the AVX2 kernels only.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/arithmetic/constants.h"

namespace polyformer::ckks::avx2 {

using Vector = __m256d;
inline constexpr std::size_t kLanes = 4;

inline Vector broadcast_double(double value) {
    return _mm256_set1_pd(value);
}
inline __m256i broadcast_integer(std::uint64_t value) {
    return _mm256_set1_epi64x(static_cast<long long>(value));
}

/// 2^52: its bits or'ed with an integer below 2^52 are the bits of their sum.
inline constexpr double kTwoTo52 = 4503599627370496.0;

/// Integers below 2^52 to doubles.
inline Vector from_integers(__m256i a) {
    const Vector offset = broadcast_double(kTwoTo52);
    return _mm256_sub_pd(_mm256_or_pd(_mm256_castsi256_pd(a), offset), offset);
}
/// Doubles that are integers in [0, 2^52) to integers.
inline __m256i to_integers(Vector a) {
    const Vector offset = broadcast_double(kTwoTo52);
    return _mm256_castpd_si256(_mm256_xor_pd(_mm256_add_pd(a, offset), offset));
}

inline Vector broadcast(std::uint64_t value) {
    return from_integers(broadcast_integer(value));
}
inline Vector load(const std::uint64_t* p) {
    return from_integers(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline void store(std::uint64_t* p, Vector v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_integers(v));
}
inline Vector round_to_nearest(Vector a) {
    return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/// A constant and its quotient by q.
struct Factor {
    Vector value;
    Vector quotient;
};

/// Σ of products of two numbers below 2^50. Adding kHighOffset rounds a product to a multiple of 2^50, whose number
/// then stands in the low bits of the double; taking that off leaves a remainder in [-2^49, 2^49], which kLowOffset
/// makes readable in the same way. So both parts are summed as integers, the bits of the offsets included.
struct LazySum {
    static constexpr std::size_t kMaxTerms = 4000;
    static constexpr double kHighOffset = 0x1p102;
    static constexpr double kLowOffset = 0x3p51;

    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();

    void add_product(Vector a, Vector b) {
        const Vector rounded = _mm256_fmadd_pd(a, b, broadcast_double(kHighOffset));
        const Vector minus_rounded = _mm256_sub_pd(broadcast_double(kHighOffset + kLowOffset), rounded);
        high = _mm256_add_epi64(high, _mm256_castpd_si256(rounded));
        low = _mm256_add_epi64(low, _mm256_castpd_si256(_mm256_fmadd_pd(a, b, minus_rounded)));
    }
};

/// A modulus q and its constants in all lanes. Arguments are residues in [0, q) unless stated otherwise.
class VectorModulus {
  public:
    explicit VectorModulus(const ModulusConstants& modulus)
        : q(broadcast(modulus.value)),
          reciprocal(broadcast_double(1.0 / static_cast<double>(modulus.value))),
          two_to_50_(factor(power_of_two_modulo(modulus, 50))),
          two_to_81_(factor(power_of_two_modulo(modulus, 81))) {}

    /// The factor in the form that multiply_lazy() takes.
    Factor factor(Vector value) const { return {value, _mm256_mul_pd(value, reciprocal)}; }
    Factor factor(std::uint64_t value) const { return factor(broadcast(value)); }
    Factor factor(const ShoupFactor& shoup) const { return factor(shoup.value); }

    Vector add(Vector a, Vector b) const {
        const Vector difference = _mm256_sub_pd(_mm256_add_pd(a, b), q);
        return add_q_if_negative(difference);
    }
    Vector subtract(Vector a, Vector b) const { return add_q_if_negative(_mm256_sub_pd(a, b)); }

    /// a·factor, of size at most q·(1/2 + 3c/8) where |a| ≤ c·q ≤ 2^53: the quotient is rounded, and beforehand off by
    /// less than 3c/8, three roundings of a number below 2^50·c.
    Vector multiply_lazy(Vector a, const Factor& factor) const {
        return remainder_of_product(a, factor.value, round_to_nearest(_mm256_mul_pd(a, factor.quotient)));
    }
    /// a·factor in [0, q), for |a| ≤ q.
    Vector multiply(Vector a, const Factor& factor) const { return add_q_if_negative(multiply_lazy(a, factor)); }
    /// a·b in [0, q).
    Vector multiply(Vector a, Vector b) const {
        const Vector quotient = round_to_nearest(_mm256_mul_pd(_mm256_mul_pd(a, b), reciprocal));
        return add_q_if_negative(remainder_of_product(a, b, quotient));
    }

    /// Any integer |a| < 2^53 to [-q/2, q/2], give or take 1.
    Vector reduce_lazy(Vector a) const {
        return _mm256_fnmadd_pd(round_to_nearest(_mm256_mul_pd(a, reciprocal)), q, a);
    }
    /// Any integer |a| < 2^53 to [0, q).
    Vector reduce(Vector a) const { return add_q_if_negative(reduce_lazy(a)); }

    /// The sum of `count` products in [0, q).
    Vector reduce(const LazySum& sum, std::size_t count) const {
        // Take off the offsets, keeping the low part positive by moving 2^50 a term to it from the high part.
        constexpr std::uint64_t kUnit = std::uint64_t{1} << 50;
        constexpr std::uint64_t kHighBits = std::bit_cast<std::uint64_t>(LazySum::kHighOffset) + 1;
        constexpr std::uint64_t kLowBits = std::bit_cast<std::uint64_t>(LazySum::kLowOffset) - kUnit;
        const __m256i low = _mm256_sub_epi64(sum.low, broadcast_integer(count * kLowBits));
        const __m256i high = _mm256_add_epi64(_mm256_sub_epi64(sum.high, broadcast_integer(count * kHighBits)),
                                              _mm256_srli_epi64(low, 50));
        const Vector units = from_integers(_mm256_and_si256(low, broadcast_integer(kUnit - 1)));
        const Vector middle = from_integers(_mm256_and_si256(high, broadcast_integer((std::uint64_t{1} << 31) - 1)));
        const Vector top = from_integers(_mm256_srli_epi64(high, 31));
        const Vector folded = _mm256_add_pd(multiply_lazy(middle, two_to_50_), multiply_lazy(top, two_to_81_));
        return reduce(_mm256_add_pd(units, folded));
    }

    const Vector q;
    const Vector reciprocal;

  private:
    Vector add_q_if_negative(Vector a) const { return _mm256_add_pd(a, _mm256_and_pd(q, sign_mask(a))); }
    static Vector sign_mask(Vector a) { return _mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_LT_OQ); }

    /// a·b - quotient·q, which must be below 2^52: then no operation here rounds but that of `high`, whose error is
    /// `low`.
    Vector remainder_of_product(Vector a, Vector b, Vector quotient) const {
        const Vector high = _mm256_mul_pd(a, b);
        const Vector low = _mm256_fmsub_pd(a, b, high);
        return _mm256_add_pd(_mm256_fnmadd_pd(quotient, q, high), low);
    }

    Factor two_to_50_;
    Factor two_to_81_;
};

}  // namespace polyformer::ckks::avx2
