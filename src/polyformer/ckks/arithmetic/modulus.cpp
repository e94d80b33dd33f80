#include "polyformer/ckks/arithmetic/modulus.h"

#include <bit>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

Modulus::Modulus(std::uint64_t value) : value_(value), bits_(static_cast<int>(std::bit_width(value))) {
    require((value & 1) == 1 && value >> kMinModulusBits != 0 && value >> kMaxModulusBits == 0,
            "{} cannot be a modulus: it must be odd, above 2^{} and below 2^{}", value, kMinModulusBits,
            kMaxModulusBits);
    const Uint128 one = 1;
    barrett_factor_ = static_cast<std::uint64_t>((one << (bits_ + 62)) / value);
    reciprocal_ = static_cast<std::uint64_t>((one << 64) / value);
    two_to_64_ = static_cast<std::uint64_t>((one << 64) % value);
    two_to_52_ = shoup((std::uint64_t{1} << 52) % value);
}

std::uint64_t Modulus::pow(std::uint64_t base, std::uint64_t exponent) const {
    std::uint64_t result = 1;
    for (; exponent != 0; exponent >>= 1) {
        if ((exponent & 1) != 0) result = multiply(result, base);
        base = multiply(base, base);
    }
    return result;
}

std::uint64_t Modulus::inverse(std::uint64_t a) const {
    // Extended Euclid: at each step old_remainder = old_factor·a (mod q).
    std::uint64_t old_remainder = a;
    std::uint64_t remainder = value_;
    std::uint64_t old_factor = 1;
    std::uint64_t factor = 0;
    while (remainder != 0) {
        const std::uint64_t quotient = old_remainder / remainder;
        const std::uint64_t next_remainder = old_remainder % remainder;
        const std::uint64_t next_factor = subtract(old_factor, multiply(reduce(quotient), factor));
        old_remainder = remainder;
        remainder = next_remainder;
        old_factor = factor;
        factor = next_factor;
    }
    require(old_remainder == 1, "{} has no inverse modulo {}: both are divisible by {}", a, value_, old_remainder);
    return old_factor;
}

ShoupFactor Modulus::shoup(std::uint64_t constant) const {
    const Uint128 numerator = static_cast<Uint128>(constant) << kShoupBits;
    const std::uint64_t quotient = barrett_quotient(numerator);
    const std::uint64_t remainder = static_cast<std::uint64_t>(numerator) - quotient * value_;
    return {constant, quotient + (remainder >= value_ ? 1 : 0)};
}

}  // namespace polyformer::ckks
