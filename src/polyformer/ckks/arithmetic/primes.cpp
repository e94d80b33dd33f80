#include "polyformer/ckks/arithmetic/primes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "polyformer/ckks/arithmetic/modulus.h"
#include "polyformer/ckks/arithmetic/ntt.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

std::uint64_t multiply_modulo(std::uint64_t a, std::uint64_t b, std::uint64_t modulus) {
    return static_cast<std::uint64_t>(static_cast<Uint128>(a) * b % modulus);
}

std::uint64_t power_modulo(std::uint64_t base, std::uint64_t exponent, std::uint64_t modulus) {
    std::uint64_t result = 1;
    for (; exponent != 0; exponent >>= 1) {
        if ((exponent & 1) != 0) result = multiply_modulo(result, base, modulus);
        base = multiply_modulo(base, base, modulus);
    }
    return result;
}

/// Whether an odd candidate passes the strong probable-prime test to one base not divisible by it.
bool passes_miller_rabin(std::uint64_t candidate, std::uint64_t base) {
    const int twos = std::countr_zero(candidate - 1);
    std::uint64_t power = power_modulo(base, (candidate - 1) >> twos, candidate);
    if (power == 1 || power == candidate - 1) return true;
    for (int i = 1; i < twos; ++i) {
        power = multiply_modulo(power, power, candidate);
        if (power == candidate - 1) return true;
    }
    return false;
}

}  // namespace

bool is_prime(std::uint64_t candidate) {
    constexpr std::array<std::uint64_t, 12> kBases{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
    if (candidate < 2) return false;
    for (const std::uint64_t base : kBases) {
        if (candidate % base == 0) return candidate == base;
    }
    return std::all_of(kBases.begin(), kBases.end(),
                       [candidate](std::uint64_t base) { return passes_miller_rabin(candidate, base); });
}

std::vector<std::uint64_t> primes_near(double target, std::size_t ring_dimension, std::size_t count, PrimeSearch search,
                                       std::span<const std::uint64_t> skip) {
    constexpr std::uint64_t kLow = std::uint64_t{1} << kMinModulusBits;
    constexpr std::uint64_t kHigh = std::uint64_t{1} << kMaxModulusBits;
    require_ring_dimension(ring_dimension);
    require(target >= static_cast<double>(kLow) && target <= static_cast<double>(kHigh),
            "no prime can be near {}: the target must lie between 2^{} and 2^{}", target, kMinModulusBits,
            kMaxModulusBits);

    const std::uint64_t step = 2 * ring_dimension;
    const auto from = static_cast<std::uint64_t>(std::floor(target));
    std::uint64_t below = (from - 1) / step * step + 1;  // the largest candidate ≤ target
    std::uint64_t above = below + step;
    if (search == PrimeSearch::ascending && static_cast<double>(below) >= target) above = below;

    std::vector<std::uint64_t> found;
    while (found.size() < count) {
        const bool can_rise = above < kHigh && search != PrimeSearch::descending;
        const bool can_fall = below > kLow && search != PrimeSearch::ascending;
        if (!can_rise && !can_fall) {
            fail(
                "only {} of {} primes equal to 1 modulo {} are left near {}: ask for fewer, move the target, or use a "
                "smaller ring",
                found.size(), count, step, target);
        }
        const bool above_is_nearer = static_cast<double>(above) - target <= target - static_cast<double>(below);
        const bool rise = can_rise && (!can_fall || above_is_nearer);
        const std::uint64_t candidate = rise ? above : below;
        (rise ? above : below) += rise ? step : -step;
        if (is_prime(candidate) && std::find(skip.begin(), skip.end(), candidate) == skip.end()) {
            found.push_back(candidate);
        }
    }
    return found;
}

}  // namespace polyformer::ckks
