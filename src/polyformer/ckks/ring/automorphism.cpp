#include "polyformer/ckks/ring/automorphism.h"

#include <bit>

#include "polyformer/ckks/arithmetic/ntt.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

void require_galois_element(std::size_t ring_dimension, std::uint64_t galois_element) {
    require_ring_dimension(ring_dimension);
    require((galois_element & 1) == 1 && galois_element < 2 * ring_dimension,
            "{} is no Galois element of ring dimension {}: it must be odd and below {}", galois_element, ring_dimension,
            2 * ring_dimension);
}

}  // namespace

std::uint64_t rotation_galois_element(std::size_t ring_dimension, std::int64_t steps) {
    require_ring_dimension(ring_dimension);
    const std::uint64_t mask = 2 * ring_dimension - 1;
    // 5 has order N/2, a power of two, so the two's complement of a negative number of steps is right modulo it.
    std::uint64_t exponent = static_cast<std::uint64_t>(steps) & (ring_dimension / 2 - 1);
    std::uint64_t result = 1;
    for (std::uint64_t power = 5; exponent != 0; exponent >>= 1, power = power * power & mask) {
        if ((exponent & 1) != 0) result = result * power & mask;
    }
    return result;
}

std::uint64_t conjugation_galois_element(std::size_t ring_dimension) {
    require_ring_dimension(ring_dimension);
    return 2 * ring_dimension - 1;
}

Permutation evaluation_permutation(std::size_t ring_dimension, std::uint64_t galois_element) {
    require_galois_element(ring_dimension, galois_element);
    const int bits = std::countr_zero(ring_dimension);
    const std::uint64_t mask = 2 * ring_dimension - 1;
    Permutation index(ring_dimension);
    for (std::uint32_t i = 0; i < ring_dimension; ++i) {
        // Entry i of the result is a(ψ^exponent).
        const std::uint64_t exponent = galois_element * (2 * std::uint64_t{reverse_bits(i, bits)} + 1) & mask;
        index[i] = reverse_bits(static_cast<std::uint32_t>(exponent >> 1), bits);
    }
    return index;
}

void apply_to_coefficients(std::uint64_t* out, const std::uint64_t* in, std::size_t ring_dimension,
                           std::uint64_t galois_element, std::uint64_t q) {
    require_galois_element(ring_dimension, galois_element);
    for (std::uint64_t i = 0; i < ring_dimension; ++i) {
        const std::uint64_t exponent = i * galois_element & (2 * ring_dimension - 1);
        const bool negative = exponent >= ring_dimension;  // X^N = -1
        out[exponent & (ring_dimension - 1)] = negative && in[i] != 0 ? q - in[i] : in[i];
    }
}

const Permutation& AutomorphismCache::permutation(std::uint64_t galois_element) const {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<const Permutation>& entry = permutations_[galois_element];
    if (entry == nullptr) {
        entry = std::make_unique<const Permutation>(evaluation_permutation(ring_dimension_, galois_element));
    }
    return *entry;
}

}  // namespace polyformer::ckks
