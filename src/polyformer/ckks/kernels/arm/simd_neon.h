// Four doubles at a time with NEON, in two registers: what double_arithmetic.h and double_butterflies.h ask for. A
// sixteen bytes' vector of two would leave half of the arithmetic waiting for the other half. Included by the NEON
// kernels only.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace polyformer::ckks::neon {

/// Operations on four doubles, or their bits.
struct Simd {
    /// In two registers.
    struct Vector {
        float64x2_t low;
        float64x2_t high;
    };

    static Vector load(const std::uint64_t* p) { return {as_doubles(vld1q_u64(p)), as_doubles(vld1q_u64(p + 2))}; }
    static void store(std::uint64_t* p, Vector v) {
        vst1q_u64(p, as_bits(v.low));
        vst1q_u64(p + 2, as_bits(v.high));
    }
    static Vector broadcast(double value) { return {vdupq_n_f64(value), vdupq_n_f64(value)}; }

    static Vector add(Vector a, Vector b) { return {vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)}; }
    static Vector subtract(Vector a, Vector b) { return {vsubq_f64(a.low, b.low), vsubq_f64(a.high, b.high)}; }
    static Vector multiply(Vector a, Vector b) { return {vmulq_f64(a.low, b.low), vmulq_f64(a.high, b.high)}; }
    static Vector multiply_add(Vector a, Vector b, Vector c) {
        return {vfmaq_f64(c.low, a.low, b.low), vfmaq_f64(c.high, a.high, b.high)};
    }
    static Vector negative_multiply_add(Vector a, Vector b, Vector c) {
        return {vfmsq_f64(c.low, a.low, b.low), vfmsq_f64(c.high, a.high, b.high)};
    }
    static Vector round(Vector a) { return {vrndnq_f64(a.low), vrndnq_f64(a.high)}; }
    static Vector floor(Vector a) { return {vrndmq_f64(a.low), vrndmq_f64(a.high)}; }

    static Vector where_greater(Vector a, Vector b, Vector v) {
        return {as_doubles(vandq_u64(as_bits(v.low), vcgtq_f64(a.low, b.low))),
                as_doubles(vandq_u64(as_bits(v.high), vcgtq_f64(a.high, b.high)))};
    }
    static Vector bit_and(Vector a, Vector b) {
        return {as_doubles(vandq_u64(as_bits(a.low), as_bits(b.low))),
                as_doubles(vandq_u64(as_bits(a.high), as_bits(b.high)))};
    }
    static Vector bit_or(Vector a, Vector b) {
        return {as_doubles(vorrq_u64(as_bits(a.low), as_bits(b.low))),
                as_doubles(vorrq_u64(as_bits(a.high), as_bits(b.high)))};
    }
    static Vector bit_xor(Vector a, Vector b) {
        return {as_doubles(veorq_u64(as_bits(a.low), as_bits(b.low))),
                as_doubles(veorq_u64(as_bits(a.high), as_bits(b.high)))};
    }

    static Vector load_halves(const std::byte* low, const std::byte* high) {
        const auto bytes = [](const std::byte* p) {
            return vreinterpretq_f64_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(p)));
        };
        return {bytes(low), bytes(high)};
    }
    static Vector pick_bytes(Vector v, Vector places) {
        const auto pick = [](float64x2_t half, float64x2_t from) {
            return vreinterpretq_f64_u8(vqtbl1q_u8(vreinterpretq_u8_f64(half), vreinterpretq_u8_f64(from)));
        };
        return {pick(v.low, places.low), pick(v.high, places.high)};
    }
    static Vector shift_right(Vector v, Vector counts) {
        const auto shift = [](float64x2_t half, float64x2_t by) {  // to the left by a negative count
            return as_doubles(vshlq_u64(as_bits(half), vnegq_s64(vreinterpretq_s64_f64(by))));
        };
        return {shift(v.low, counts.low), shift(v.high, counts.high)};
    }

    static Vector low_halves(Vector a, Vector b) { return {a.low, b.low}; }
    static Vector high_halves(Vector a, Vector b) { return {a.high, b.high}; }
    static Vector even_lanes(Vector a, Vector b) { return {vzip1q_f64(a.low, b.low), vzip1q_f64(a.high, b.high)}; }
    static Vector odd_lanes(Vector a, Vector b) { return {vzip2q_f64(a.low, b.low), vzip2q_f64(a.high, b.high)}; }
    static Vector load_pair(const std::uint64_t* p) {
        return {as_doubles(vld1q_dup_u64(p)), as_doubles(vld1q_dup_u64(p + 1))};
    }
    static Vector reversed(Vector v) { return {vextq_f64(v.high, v.high, 1), vextq_f64(v.low, v.low, 1)}; }

  private:
    static float64x2_t as_doubles(uint64x2_t bits) { return vreinterpretq_f64_u64(bits); }
    static uint64x2_t as_bits(float64x2_t doubles) { return vreinterpretq_u64_f64(doubles); }
};

}  // namespace polyformer::ckks::neon
