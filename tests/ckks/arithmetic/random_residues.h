// Reproducible inputs for the tests of the ring.
#pragma once

#include <array>
#include <cstdint>
#include <random>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/arithmetic/modulus.h"
#include "polyformer/ckks/arithmetic/primes.h"

namespace polyformer::ckks {

/// Uniform residues, some of them replaced by the edge values 0, 1, q-1 and q/2.
inline AlignedWords random_residues(std::size_t n, const Modulus& modulus, std::uint64_t seed) {
    std::mt19937_64 generator(seed);
    std::uniform_int_distribution<std::uint64_t> uniform(0, modulus.value() - 1);
    const std::array<std::uint64_t, 4> edges{0, 1, modulus.value() - 1, modulus.value() / 2};
    AlignedWords residues(n);
    for (std::uint64_t& residue : residues) {
        const std::uint64_t draw = generator() % 16;
        residue = draw < edges.size() ? edges[draw] : uniform(generator);
    }
    return residues;
}

/// The largest transform prime of at most `bits` digits.
inline Modulus prime_of_bits(int bits, std::size_t ring_dimension) {
    return Modulus(
        primes_near(static_cast<double>(std::uint64_t{1} << bits), ring_dimension, 1, PrimeSearch::descending)[0]);
}

}  // namespace polyformer::ckks
