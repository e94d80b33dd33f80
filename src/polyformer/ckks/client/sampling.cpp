#include "polyformer/ckks/client/sampling.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "polyformer/ckks/arithmetic/constants.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

constexpr std::size_t kMaxError = 30;  // 9.4 σ

// thresholds[k] = 2^63 · P(|x| ≤ k): |x| is the number of thresholds that do not exceed a uniform 63-bit number.
using Thresholds = std::array<std::uint64_t, kMaxError>;

Thresholds make_thresholds() {
    std::array<long double, kMaxError + 1> weight{};
    long double total = 0;
    for (std::size_t k = kMaxError + 1; k-- > 0;) {
        const auto x = static_cast<long double>(k);
        const long double deviation = kErrorDeviation;
        weight[k] = (k == 0 ? 1.0L : 2.0L) * std::exp(-x * x / (2 * deviation * deviation));
        total += weight[k];
    }
    Thresholds thresholds{};
    long double cumulative = 0;
    for (std::size_t k = 0; k < kMaxError; ++k) {
        cumulative += weight[k];
        thresholds[k] = static_cast<std::uint64_t>(std::floor(std::ldexp(cumulative / total, 63)));
    }
    return thresholds;
}

/// Fills `out` with what `value` makes of a random word each.
template <class Value>
void sample_each(std::span<std::int8_t> out, Value value) {
    std::array<std::uint64_t, 1024> words{};
    const WipeOnExit<std::uint64_t> wiper(words);
    for (std::size_t start = 0; start < out.size(); start += words.size()) {
        const std::size_t count = std::min(words.size(), out.size() - start);
        random_bytes(words.data(), count * sizeof(std::uint64_t));
        for (std::size_t i = 0; i < count; ++i) out[start + i] = static_cast<std::int8_t>(value(words[i]));
    }
}

/// All ones where a = b, else 0; without a branch.
std::uint64_t equal_mask(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t difference = a ^ b;
    return ((difference | (0 - difference)) >> 63) - 1;
}

/// Uniform below `bound`, up to a statistical distance of bound · 2^-128, without a division or a refusal to time.
std::uint64_t secret_below(std::uint64_t bound) {
    std::array<std::uint64_t, 2> words{};
    const WipeOnExit<std::uint64_t> wiper(words);
    random_bytes(words.data(), sizeof(words));
    const Uint128 low = (static_cast<Uint128>(words[0]) * bound) >> 64;
    return static_cast<std::uint64_t>((static_cast<Uint128>(words[1]) * bound + low) >> 64);
}

}  // namespace

void random_bytes(void* out, std::size_t bytes) {
    require(sodium_init() >= 0, "libsodium could not be initialised: the system gives no randomness");
    randombytes_buf(out, bytes);
}

Seed random_seed() {
    Seed seed{};
    random_bytes(seed.data(), seed.size());
    return seed;
}

void wipe(void* data, std::size_t bytes) {
    if (bytes > 0) sodium_memzero(data, bytes);
}

void sample_gaussian(std::span<std::int8_t> out) {
    static const Thresholds thresholds = make_thresholds();
    sample_each(out, [](std::uint64_t word) {
        const std::uint64_t uniform = word >> 1;
        int magnitude = 0;
        for (const std::uint64_t threshold : thresholds) magnitude += static_cast<int>(uniform >= threshold);
        const int sign = 1 - 2 * static_cast<int>(word & 1);
        return sign * magnitude;
    });
}

void sample_ternary(std::span<std::int8_t> out) {
    sample_each(out, [](std::uint64_t word) { return static_cast<int>((static_cast<Uint128>(word) * 3) >> 64) - 1; });
}

void sample_sparse_ternary(std::span<std::int8_t> out, std::size_t weight) {
    require(weight <= out.size(), "a secret of weight {} does not fit in {} coefficients", weight, out.size());
    std::fill(out.begin(), out.end(), std::int8_t{0});
    // Floyd's way to a uniform subset: each step takes a place below `limit`, or `limit` itself if that is taken. Which
    // place it is must not show: every step reads and writes all of them.
    for (std::size_t limit = out.size() - weight; limit < out.size(); ++limit) {
        std::uint64_t place = secret_below(limit + 1);
        std::uint64_t taken = 0;
        for (std::size_t i = 0; i < limit; ++i) taken |= equal_mask(i, place) & static_cast<std::uint8_t>(out[i]);
        place ^= (place ^ limit) & ~equal_mask(taken, 0);
        const std::uint64_t sign = 1 - 2 * secret_below(2);
        for (std::size_t i = 0; i <= limit; ++i) {
            out[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(out[i]) | (equal_mask(i, place) & sign));
        }
    }
}

}  // namespace polyformer::ckks
