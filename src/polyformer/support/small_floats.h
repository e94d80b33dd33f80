// Floating point in 16 bits, as weights are often kept.
#pragma once

#include <bit>
#include <cstdint>

namespace polyformer {

/// IEEE 754 binary16: 1 sign, 5 bits of exponent, 10 of fraction. Exact.
constexpr float float_of_half(std::uint16_t bits) {
    const std::uint32_t exponent = bits >> 10 & 0x1FU;
    const std::uint32_t fraction = bits & 0x3FFU;
    float magnitude = 0;
    if (exponent == 0) {
        magnitude = static_cast<float>(fraction) * 0x1p-24F;
    } else {
        const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + 112;
        magnitude = std::bit_cast<float>(wide << 23 | fraction << 13);
    }
    return (bits & 0x8000U) == 0 ? magnitude : -magnitude;
}

/// The upper half of a binary32.
constexpr float float_of_bfloat16(std::uint16_t bits) {
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace polyformer
