// Arithmetic modulo one odd number below 2^50, with the constants that replace divisions by multiplications.
#pragma once

#include <algorithm>
#include <cstdint>

#include "polyformer/ckks/arithmetic/constants.h"

namespace polyformer::ckks {

/// Every modulus q obeys 2^kMinModulusBits < q < 2^kMaxModulusBits: below 2^50, so that four times a residue still fits
/// the 52-bit multipliers of AVX-512 IFMA and the 53-bit significand of a double.
inline constexpr int kMinModulusBits = 20;
inline constexpr int kMaxModulusBits = 50;

/// Word size of Shoup's multiplication by a constant.
inline constexpr int kShoupBits = 52;

/// An odd modulus q. Arguments called residues must lie in [0, q); results do. No function of residues branches on them
/// or looks them up: secrets go through here (tests/ckks/client/constant_time.cpp watches).
class Modulus {
  public:
    /// Throws Error unless `value` is odd and 2^20 < value < 2^50. Whether it is prime is not checked here.
    explicit Modulus(std::uint64_t value);
    /// The modulus that these constants come from.
    explicit Modulus(const ModulusConstants& constants) : constants_(constants) {}

    /// What kernels take.
    operator const ModulusConstants&() const { return constants_; }  // NOLINT(misc-explicit-constructor)

    std::uint64_t value() const { return constants_.value; }
    /// Number of binary digits: 2^(bits-1) < value < 2^bits.
    int bits() const { return constants_.bits; }

    std::uint64_t add(std::uint64_t a, std::uint64_t b) const { return correct(a + b); }
    std::uint64_t subtract(std::uint64_t a, std::uint64_t b) const { return a - b + (constants_.value & mask(a < b)); }
    std::uint64_t negate(std::uint64_t a) const { return (constants_.value - a) & mask(a != 0); }
    std::uint64_t multiply(std::uint64_t a, std::uint64_t b) const {
        const Uint128 product = static_cast<Uint128>(a) * b;
        return correct(static_cast<std::uint64_t>(product) - barrett_quotient(product) * constants_.value);
    }

    /// Any 64-bit number modulo q.
    std::uint64_t reduce(std::uint64_t a) const {
        const auto quotient = static_cast<std::uint64_t>((static_cast<Uint128>(a) * constants_.reciprocal) >> 64);
        return correct(a - quotient * constants_.value);
    }
    /// Any 128-bit number modulo q.
    std::uint64_t reduce_wide(Uint128 a) const {
        const std::uint64_t high = multiply(reduce(static_cast<std::uint64_t>(a >> 64)), constants_.two_to_64);
        return add(high, reduce(static_cast<std::uint64_t>(a)));
    }
    /// Any signed 64-bit number modulo q.
    std::uint64_t reduce_signed(std::int64_t a) const {
        const std::uint64_t sign = mask(a < 0);
        const std::uint64_t magnitude = reduce((static_cast<std::uint64_t>(a) ^ sign) - sign);
        return magnitude ^ ((magnitude ^ negate(magnitude)) & sign);
    }
    /// The representative of a residue in (-q/2, q/2).
    std::int64_t centered(std::uint64_t a) const {
        return static_cast<std::int64_t>(a - (constants_.value & mask(a > constants_.value / 2)));
    }

    std::uint64_t pow(std::uint64_t base, std::uint64_t exponent) const;
    /// Throws Error when `a` and q have a common factor (a = 0, for one).
    std::uint64_t inverse(std::uint64_t a) const;

    /// Precomputation for multiply(a, factor); `constant` is a residue.
    ShoupFactor shoup(std::uint64_t constant) const;
    /// a·factor for any a < 2^52, in [0, 2q).
    std::uint64_t multiply_lazy(std::uint64_t a, const ShoupFactor& factor) const {
        const auto quotient = static_cast<std::uint64_t>((static_cast<Uint128>(a << 12) * factor.quotient) >> 64);
        return a * factor.value - quotient * constants_.value;
    }
    /// a·factor for any a < 2^52, in [0, q).
    std::uint64_t multiply(std::uint64_t a, const ShoupFactor& factor) const {
        return correct(multiply_lazy(a, factor));
    }

    bool operator==(const Modulus& other) const { return constants_.value == other.constants_.value; }

  private:
    /// All ones or none.
    static std::uint64_t mask(bool condition) { return -static_cast<std::uint64_t>(condition); }
    /// From [0, 2q) to [0, q): below q the difference wraps around and is the greater.
    std::uint64_t correct(std::uint64_t a) const { return std::min(a, a - constants_.value); }
    /// floor(a/q) or one less, for a < 2^(bits+52). The dropped digits cost less than 1/2, the rounded factor less than
    /// 2^-9 and the final floor less than 1.
    std::uint64_t barrett_quotient(Uint128 a) const {
        const auto leading = static_cast<std::uint64_t>(a >> (constants_.bits - 2));
        return static_cast<std::uint64_t>((static_cast<Uint128>(leading) * constants_.barrett_factor) >> 64);
    }

    ModulusConstants constants_;
};

}  // namespace polyformer::ckks
