// Arithmetic modulo one odd number below 2^50, with the constants that replace divisions by multiplications.
#pragma once

#include <cstdint>

namespace polyformer::ckks {

__extension__ typedef unsigned __int128 Uint128;  // NOLINT(modernize-use-using): __extension__ needs the old form

/// Every modulus q obeys 2^kMinModulusBits < q < 2^kMaxModulusBits: below 2^50, so that four times a residue still fits
/// the 52-bit multipliers of AVX-512 IFMA and the 53-bit significand of a double.
inline constexpr int kMinModulusBits = 20;
inline constexpr int kMaxModulusBits = 50;

/// Word size of Shoup's multiplication by a constant.
inline constexpr int kShoupBits = 52;

/// A constant w in [0, q) with floor(w·2^52 / q), for many products by the same w (Harvey, arXiv:1205.2926).
struct ShoupFactor {
    std::uint64_t value;
    std::uint64_t quotient;
};

/// An odd modulus q. Arguments called residues must lie in [0, q); results do.
class Modulus {
  public:
    /// Throws Error unless `value` is odd and 2^20 < value < 2^50. Whether it is prime is not checked here.
    explicit Modulus(std::uint64_t value);

    std::uint64_t value() const { return value_; }
    /// Number of binary digits: 2^(bits-1) < value < 2^bits.
    int bits() const { return bits_; }

    std::uint64_t add(std::uint64_t a, std::uint64_t b) const { return correct(a + b); }
    std::uint64_t subtract(std::uint64_t a, std::uint64_t b) const { return a >= b ? a - b : a + value_ - b; }
    std::uint64_t negate(std::uint64_t a) const { return a == 0 ? 0 : value_ - a; }
    std::uint64_t multiply(std::uint64_t a, std::uint64_t b) const {
        const Uint128 product = static_cast<Uint128>(a) * b;
        return correct(static_cast<std::uint64_t>(product) - barrett_quotient(product) * value_);
    }

    /// Any 64-bit number modulo q.
    std::uint64_t reduce(std::uint64_t a) const {
        const auto quotient = static_cast<std::uint64_t>((static_cast<Uint128>(a) * reciprocal_) >> 64);
        return correct(a - quotient * value_);
    }
    /// Any 128-bit number modulo q.
    std::uint64_t reduce_wide(Uint128 a) const {
        const std::uint64_t high = multiply(reduce(static_cast<std::uint64_t>(a >> 64)), two_to_64_);
        return add(high, reduce(static_cast<std::uint64_t>(a)));
    }
    /// Any signed 64-bit number modulo q.
    std::uint64_t reduce_signed(std::int64_t a) const {
        return a >= 0 ? reduce(static_cast<std::uint64_t>(a)) : negate(reduce(~static_cast<std::uint64_t>(a) + 1));
    }
    /// The representative of a residue in (-q/2, q/2).
    std::int64_t centered(std::uint64_t a) const {
        return static_cast<std::int64_t>(a) - (a > value_ / 2 ? static_cast<std::int64_t>(value_) : 0);
    }

    std::uint64_t pow(std::uint64_t base, std::uint64_t exponent) const;
    /// Throws Error when `a` and q have a common factor (a = 0, for one).
    std::uint64_t inverse(std::uint64_t a) const;

    /// Precomputation for multiply(a, factor); `constant` is a residue.
    ShoupFactor shoup(std::uint64_t constant) const;
    /// a·factor for any a < 2^52, in [0, 2q).
    std::uint64_t multiply_lazy(std::uint64_t a, const ShoupFactor& factor) const {
        const auto quotient = static_cast<std::uint64_t>((static_cast<Uint128>(a << 12) * factor.quotient) >> 64);
        return a * factor.value - quotient * value_;
    }
    /// a·factor for any a < 2^52, in [0, q).
    std::uint64_t multiply(std::uint64_t a, const ShoupFactor& factor) const {
        return correct(multiply_lazy(a, factor));
    }

    // Constants for the vector kernels.
    /// floor(2^(bits+62) / q): Barrett's factor for products shifted right by bits-2.
    std::uint64_t barrett_factor() const { return barrett_factor_; }
    /// floor(2^64 / q).
    std::uint64_t reciprocal() const { return reciprocal_; }
    /// 2^52 mod q.
    const ShoupFactor& two_to_52() const { return two_to_52_; }

    bool operator==(const Modulus& other) const { return value_ == other.value_; }

  private:
    /// From [0, 2q) to [0, q).
    std::uint64_t correct(std::uint64_t a) const { return a >= value_ ? a - value_ : a; }
    /// floor(a/q) or one less, for a < 2^(bits+52). The dropped digits cost less than 1/2, the rounded factor less than
    /// 2^-9 and the final floor less than 1.
    std::uint64_t barrett_quotient(Uint128 a) const {
        const auto leading = static_cast<std::uint64_t>(a >> (bits_ - 2));
        return static_cast<std::uint64_t>((static_cast<Uint128>(leading) * barrett_factor_) >> 64);
    }

    std::uint64_t value_;
    int bits_;
    std::uint64_t barrett_factor_;
    std::uint64_t reciprocal_;
    std::uint64_t two_to_64_;
    ShoupFactor two_to_52_;
};

}  // namespace polyformer::ckks
