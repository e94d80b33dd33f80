#include "polyformer/ckks/arithmetic/constants.h"

#include "polyformer/ckks/arithmetic/modulus.h"

namespace polyformer::ckks {

ShoupFactor shoup_factor(const ModulusConstants& q, std::uint64_t constant) {
    return Modulus(q).shoup(constant);
}

std::uint64_t product_modulo(const ModulusConstants& q, std::uint64_t a, std::uint64_t b) {
    return Modulus(q).multiply(a, b);
}

std::uint64_t power_of_two_modulo(const ModulusConstants& q, std::uint64_t exponent) {
    constexpr std::uint64_t kStep = 63;
    const Modulus modulus(q);
    std::uint64_t power = modulus.reduce(std::uint64_t{1} << exponent % kStep);
    for (; exponent >= kStep; exponent -= kStep) {
        power = modulus.multiply(power, modulus.reduce(std::uint64_t{1} << kStep));
    }
    return power;
}

std::uint64_t negative_modulo(const ModulusConstants& q, std::uint64_t a) {
    const Modulus modulus(q);
    return modulus.negate(modulus.reduce(a));
}

}  // namespace polyformer::ckks
