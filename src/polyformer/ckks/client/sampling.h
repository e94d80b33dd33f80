// The client's random distributions, all from libsodium: discrete Gaussian errors, ternary secrets. No sampler branches
// on what it draws or uses it as an address (tests/ckks/client/constant_time.cpp watches).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "polyformer/ckks/ring/uniform_stream.h"

namespace polyformer::ckks {

/// Standard deviation of every error polynomial, as in the tables of ePrint 2024/463.
inline constexpr double kErrorDeviation = 3.2;

/// From libsodium. Throws Error when the system gives no randomness, as all functions here do that need some.
void random_bytes(void* out, std::size_t bytes);

/// Of a uniform polynomial; fresh.
Seed random_seed();

/// Overwrites memory that held a secret; not optimised away.
void wipe(void* data, std::size_t bytes);

/// A scratch array that is wiped when it goes out of scope, by exception too.
template <class T>
class WipeOnExit {
  public:
    explicit WipeOnExit(std::span<T> values) : values_(values) {}
    ~WipeOnExit() { wipe(values_.data(), values_.size_bytes()); }
    WipeOnExit(const WipeOnExit&) = delete;
    WipeOnExit& operator=(const WipeOnExit&) = delete;
    WipeOnExit(WipeOnExit&&) = delete;
    WipeOnExit& operator=(WipeOnExit&&) = delete;

  private:
    std::span<T> values_;
};

/// Discrete Gaussian with deviation 3.2 by inversion of its cumulative table, scanned in constant time. One sign bit
/// and 63 bits of table precision: the statistical distance to the true distribution is below 2^-57 a sample, and the
/// tail beyond 9.4 σ, of probability below 2^-63, is cut off.
void sample_gaussian(std::span<std::int8_t> out);

/// Uniform in {−1, 0, 1}, up to a statistical distance of 2^-63 a sample.
void sample_ternary(std::span<std::int8_t> out);

/// Exactly `weight` entries ±1 at uniformly random places, the others 0: takes time in weight · out.size(), some
/// milliseconds for 32 of 2^16. Throws Error when weight > out.size().
void sample_sparse_ternary(std::span<std::int8_t> out, std::size_t weight);

}  // namespace polyformer::ckks
