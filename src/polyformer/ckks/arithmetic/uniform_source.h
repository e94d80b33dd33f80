// Where uniform residues come from: a short seed, expanded by a block cipher. The random halves of keys and of fresh
// ciphertexts are kept and sent as seeds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/arithmetic/aes.h"

namespace polyformer::ckks {

/// Expands to the uniform halves of keys and of fresh ciphertexts.
using Seed = Aes256::Key;

/// A sequence of 64-bit words: AES-256 in counter mode (FIPS 197, NIST SP 800-38A), the seed as key. Block i, from 0
/// on, is the encryption of the stream's number and i, in this order, each as 64 bits with the lowest byte first; it is
/// two words, again with the lowest byte first. Word w gives the residue floor(w·q / 2^64), but none when w·q mod 2^64
/// < 2^64 mod q (Lemire, arXiv 1805.10941). Kernels::uniform_residues makes them, UniformStream reads them.
///
/// The seed and all that it expands to are public: the cipher need only look random, as where Kyber's 90s variant makes
/// its public matrix with it. What is secret is drawn from libsodium instead (sampling.h).
struct UniformSource {
    static constexpr std::size_t kWordsPerBlock = sizeof(Aes256::Block) / sizeof(std::uint64_t);

    Aes256 cipher;
    std::uint64_t stream = 0;
};

}  // namespace polyformer::ckks
