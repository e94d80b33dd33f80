#include "polyformer/ckks/arithmetic/ntt.h"

#include <bit>

#include "polyformer/ckks/arithmetic/primes.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

std::uint64_t find_primitive_root(std::size_t ring_dimension, const Modulus& modulus) {
    const std::uint64_t q = modulus.value();
    require(
        (q - 1) % (2 * ring_dimension) == 0 && is_prime(q),
        "the modulus {} has no transform of length {}: it must be a prime equal to 1 modulo {}; primes_near() finds "
        "such primes",
        q, ring_dimension, 2 * ring_dimension);
    for (std::uint64_t x = 2;; ++x) {
        const std::uint64_t root = modulus.pow(x, (q - 1) / (2 * ring_dimension));
        if (modulus.pow(root, ring_dimension) == q - 1) return root;
    }
}

}  // namespace

void require_ring_dimension(std::size_t ring_dimension) {
    require(std::has_single_bit(ring_dimension) && ring_dimension >= std::size_t{1} << kMinLogRingDimension &&
                ring_dimension <= std::size_t{1} << kMaxLogRingDimension,
            "{} is no ring dimension: it must be a power of two from 2^{} to 2^{}", ring_dimension,
            kMinLogRingDimension, kMaxLogRingDimension);
}

std::uint32_t reverse_bits(std::uint32_t value, int bits) {
    std::uint32_t reversed = 0;
    for (int i = 0; i < bits; ++i) reversed |= ((value >> i) & 1U) << (bits - 1 - i);
    return reversed;
}

NttTables::NttTables(std::size_t ring_dimension, const Modulus& modulus)
    : modulus_(modulus), primitive_root_(0), inverse_dimension_{}, last_factor_{} {
    require_ring_dimension(ring_dimension);
    primitive_root_ = find_primitive_root(ring_dimension, modulus);
    roots_.resize(ring_dimension);
    root_quotients_.resize(ring_dimension);
    const int bits = std::countr_zero(ring_dimension);
    const ShoupFactor step = modulus.shoup(primitive_root_);
    std::uint64_t power = 1;
    for (std::size_t i = 0; i < ring_dimension; ++i) {
        const std::uint32_t node = reverse_bits(static_cast<std::uint32_t>(i), bits);
        roots_[node] = power;
        root_quotients_[node] = modulus.shoup(power).quotient;
        power = modulus.multiply(power, step);
    }
    inverse_dimension_ = modulus.shoup(modulus.inverse(ring_dimension));
    last_factor_ = modulus.shoup(modulus.multiply(inverse_dimension_.value, roots_[1]));
}

}  // namespace polyformer::ckks
