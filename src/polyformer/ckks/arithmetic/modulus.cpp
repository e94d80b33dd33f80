#include "polyformer/ckks/arithmetic/modulus.h"

#include <bit>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

Modulus::Modulus(std::uint64_t value)
    : constants_{.value = value,
                 .bits = static_cast<int>(std::bit_width(value)),
                 .barrett_factor = 0,
                 .reciprocal = 0,
                 .two_to_64 = 0,
                 .two_to_52 = {}} {
    require((value & 1) == 1 && value >> kMinModulusBits != 0 && value >> kMaxModulusBits == 0,
            "{} cannot be a modulus: it must be odd, above 2^{} and below 2^{}", value, kMinModulusBits,
            kMaxModulusBits);
    const Uint128 one = 1;
    constants_.barrett_factor = static_cast<std::uint64_t>((one << (constants_.bits + 62)) / value);
    constants_.reciprocal = static_cast<std::uint64_t>((one << 64) / value);
    constants_.two_to_64 = static_cast<std::uint64_t>((one << 64) % value);
    constants_.two_to_52 = shoup((std::uint64_t{1} << 52) % value);
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
    std::uint64_t remainder = constants_.value;
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
    require(old_remainder == 1, "{} has no inverse modulo {}: both are divisible by {}", a, constants_.value,
            old_remainder);
    return old_factor;
}

ShoupFactor Modulus::shoup(std::uint64_t constant) const {
    const Uint128 numerator = static_cast<Uint128>(constant) << kShoupBits;
    const std::uint64_t quotient = barrett_quotient(numerator);
    const std::uint64_t remainder = static_cast<std::uint64_t>(numerator) - quotient * constants_.value;
    return {constant, quotient + (remainder >= constants_.value ? 1 : 0)};
}

}  // namespace polyformer::ckks
