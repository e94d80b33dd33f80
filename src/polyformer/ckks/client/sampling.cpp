#include "polyformer/ckks/client/sampling.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

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
    std::array<std::uint64_t, 1024> words{};
    const WipeOnExit<std::uint64_t> wiper(words);
    for (std::size_t start = 0; start < out.size(); start += words.size()) {
        const std::size_t count = std::min(words.size(), out.size() - start);
        random_bytes(words.data(), count * sizeof(std::uint64_t));
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint64_t uniform = words[i] >> 1;
            int magnitude = 0;
            for (const std::uint64_t threshold : thresholds) magnitude += static_cast<int>(uniform >= threshold);
            const int sign = 1 - 2 * static_cast<int>(words[i] & 1);
            out[start + i] = static_cast<std::int8_t>(sign * magnitude);
        }
    }
}

void sample_ternary(std::span<std::int8_t> out) {
    std::array<std::uint8_t, 4096> bytes{};
    const WipeOnExit<std::uint8_t> wiper(bytes);
    std::size_t filled = 0;
    while (filled < out.size()) {
        random_bytes(bytes.data(), bytes.size());
        for (std::size_t i = 0; i < bytes.size() && filled < out.size(); ++i) {
            // 255 = 3·85: the one value left over is refused. Refusals say nothing about the values kept.
            if (bytes[i] < 255) out[filled++] = static_cast<std::int8_t>(static_cast<int>(bytes[i] % 3U) - 1);
        }
    }
}

void sample_sparse_ternary(std::span<std::int8_t> out, std::size_t weight) {
    require(weight <= out.size(), "a secret of weight {} does not fit in {} coefficients", weight, out.size());
    require(sodium_init() >= 0, "libsodium could not be initialised: the system gives no randomness");
    std::fill(out.begin(), out.end(), std::int8_t{0});
    // Floyd's way to a uniform subset: each step takes a place below `limit`, or `limit` itself if that is taken.
    for (std::size_t limit = out.size() - weight; limit < out.size(); ++limit) {
        std::size_t place = randombytes_uniform(static_cast<std::uint32_t>(limit + 1));
        if (out[place] != 0) place = limit;
        out[place] = static_cast<std::int8_t>(1 - 2 * static_cast<int>(randombytes_uniform(2)));
    }
}

}  // namespace polyformer::ckks
