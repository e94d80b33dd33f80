// Uniform residues from short seeds, in order: the random halves of keys and of fresh ciphertexts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "polyformer/ckks/arithmetic/modulus.h"
#include "polyformer/ckks/arithmetic/uniform_source.h"

namespace polyformer::ckks {

/// The stream number of one row of one digit: primes q_i then p_i (`special`).
std::uint64_t uniform_stream(std::size_t digit, bool special, std::size_t prime);

/// The residues modulo q that a source gives, read from the first on.
class UniformStream {
  public:
    UniformStream(const UniformSource& source, const Modulus& modulus) : source_(source), modulus_(modulus) {}

    /// The next residues, as many as `out` has room for.
    void next(std::span<std::uint64_t> out);

    static constexpr std::size_t kBlocks = 128;  ///< made at a time at least

  private:
    UniformSource source_;
    Modulus modulus_;
    std::uint64_t block_ = 0;
    // Refused words shift the residues, so that a request seldom ends where a block does.
    std::array<std::uint64_t, kBlocks * UniformSource::kWordsPerBlock> spare_{};
    std::size_t spare_begin_ = 0;
    std::size_t spare_end_ = 0;
};

/// next(), and meanwhile the beginning of `ahead` is asked for from memory, a byte for each that is made at most:
/// making residues takes arithmetic alone.
void next_while_fetching(UniformStream& stream, std::span<std::uint64_t> out, std::span<const std::byte> ahead);

/// Fills `limb` with the first residues of a source.
void expand_uniform(const Seed& seed, std::uint64_t stream, const Modulus& modulus, std::span<std::uint64_t> limb);

}  // namespace polyformer::ckks
