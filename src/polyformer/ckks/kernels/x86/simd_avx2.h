// Four doubles at a time with AVX2 and FMA: what double_arithmetic.h and double_butterflies.h ask for. Included by the
// AVX2 kernels only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace polyformer::ckks::avx2 {

/// Operations on four doubles, or their bits.
struct Simd {
    using Vector = __m256d;

    static Vector load(const std::uint64_t* p) { return _mm256_loadu_pd(reinterpret_cast<const double*>(p)); }
    static void store(std::uint64_t* p, Vector v) { _mm256_storeu_pd(reinterpret_cast<double*>(p), v); }
    static Vector broadcast(double value) { return _mm256_set1_pd(value); }

    static Vector add(Vector a, Vector b) { return _mm256_add_pd(a, b); }
    static Vector subtract(Vector a, Vector b) { return _mm256_sub_pd(a, b); }
    static Vector multiply(Vector a, Vector b) { return _mm256_mul_pd(a, b); }
    static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_pd(a, b, c); }
    static Vector negative_multiply_add(Vector a, Vector b, Vector c) { return _mm256_fnmadd_pd(a, b, c); }
    static Vector round(Vector a) { return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    static Vector floor(Vector a) { return _mm256_floor_pd(a); }

    static Vector where_greater(Vector a, Vector b, Vector v) {
        return _mm256_and_pd(v, _mm256_cmp_pd(a, b, _CMP_GT_OQ));
    }
    static Vector bit_and(Vector a, Vector b) { return _mm256_and_pd(a, b); }
    static Vector bit_or(Vector a, Vector b) { return _mm256_or_pd(a, b); }
    static Vector bit_xor(Vector a, Vector b) { return _mm256_xor_pd(a, b); }

    static Vector load_halves(const std::byte* low, const std::byte* high) {
        const __m128i first = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
        const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(high));
        return _mm256_castsi256_pd(_mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1));
    }
    static Vector pick_bytes(Vector v, Vector places) {
        return _mm256_castsi256_pd(_mm256_shuffle_epi8(_mm256_castpd_si256(v), _mm256_castpd_si256(places)));
    }
    static Vector shift_right(Vector v, Vector counts) {
        return _mm256_castsi256_pd(_mm256_srlv_epi64(_mm256_castpd_si256(v), _mm256_castpd_si256(counts)));
    }

    static Vector low_halves(Vector a, Vector b) { return _mm256_permute2f128_pd(a, b, 0x20); }
    static Vector high_halves(Vector a, Vector b) { return _mm256_permute2f128_pd(a, b, 0x31); }
    static Vector even_lanes(Vector a, Vector b) { return _mm256_unpacklo_pd(a, b); }
    static Vector odd_lanes(Vector a, Vector b) { return _mm256_unpackhi_pd(a, b); }
    static Vector load_pair(const std::uint64_t* p) {
        const __m128d pair = _mm_loadu_pd(reinterpret_cast<const double*>(p));
        return _mm256_permute4x64_pd(_mm256_castpd128_pd256(pair), 0b01'01'00'00);
    }
    static Vector reversed(Vector v) { return _mm256_permute4x64_pd(v, 0b00'01'10'11); }
};

}  // namespace polyformer::ckks::avx2
