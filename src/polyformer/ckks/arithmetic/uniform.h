// Uniform residues from short seeds: the random halves of keys and of fresh ciphertexts, of which only the seed is kept
// or sent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "polyformer/ckks/arithmetic/aes.h"
#include "polyformer/ckks/arithmetic/modulus.h"

namespace polyformer::ckks {

/// Expands to the uniform halves of keys and of fresh ciphertexts.
using Seed = Aes256::Key;

/// A sequence of 64-bit words: AES-256 in counter mode (FIPS 197, NIST SP 800-38A), the seed as key. Block i, from 0
/// on, is the encryption of the stream's number and i, in this order, each as 64 bits with the lowest byte first; it is
/// two words, again with the lowest byte first. Word w gives the residue floor(w·q / 2^64), but none when w·q mod 2^64
/// < 2^64 mod q (Lemire, arXiv 1805.10941).
///
/// The seed and all that it expands to are public: the cipher need only look random, as where Kyber's 90s variant makes
/// its public matrix with it. What is secret is drawn from libsodium instead (sampling.h).
struct UniformSource {
    static constexpr std::size_t kWordsPerBlock = sizeof(Aes256::Block) / sizeof(std::uint64_t);

    Aes256 cipher;
    std::uint64_t stream = 0;
};

/// The stream number of one row of one digit: primes q_i then p_i (`special`).
std::uint64_t uniform_stream(std::size_t digit, bool special, std::size_t prime);

/// The residues modulo q that a source gives, read from the first on.
class UniformStream {
  public:
    UniformStream(const UniformSource& source, const Modulus& modulus) : source_(source), modulus_(modulus) {}

    /// The next residues, as many as `out` has room for.
    void next(std::span<std::uint64_t> out);

  private:
    static constexpr std::size_t kBlocks = 128;  // made at a time at least

    UniformSource source_;
    Modulus modulus_;
    std::uint64_t block_ = 0;
    // Refused words shift the residues, so that a request seldom ends where a block does.
    std::array<std::uint64_t, kBlocks * UniformSource::kWordsPerBlock> spare_{};
    std::size_t spare_begin_ = 0;
    std::size_t spare_end_ = 0;
};

/// Fills `limb` with the first residues of a source.
void expand_uniform(const Seed& seed, std::uint64_t stream, const Modulus& modulus, std::span<std::uint64_t> limb);

}  // namespace polyformer::ckks
