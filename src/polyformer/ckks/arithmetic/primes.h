// Primes that admit a number-theoretic transform: q = 1 modulo 2N.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace polyformer::ckks {

/// Miller–Rabin with the first twelve primes as bases, which decides every 64-bit number (Sorenson and Webster,
/// arXiv:1509.00864).
bool is_prime(std::uint64_t candidate);

/// Which primes around a target to take: those from the target upwards, those from it downwards, or the nearest on
/// either side (on a tie the larger first).
enum class PrimeSearch { ascending, descending, alternating };

/// The `count` primes q = 1 mod 2·ring_dimension nearest to `target`, nearest first, none of them in `skip`.
/// Throws Error when ring_dimension is no power of two in [2^4, 2^17], when the target is not within [2^20, 2^50], or
/// when fewer than `count` are left in that range.
std::vector<std::uint64_t> primes_near(double target, std::size_t ring_dimension, std::size_t count,
                                       PrimeSearch search = PrimeSearch::alternating,
                                       std::span<const std::uint64_t> skip = {});

}  // namespace polyformer::ckks
