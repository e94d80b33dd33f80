// AES-256 for expanding public seeds: nothing secret goes through it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace polyformer::ckks {

/// The block cipher AES with a key of 256 bits (FIPS 197), encryption only. Its table look-ups depend on key and block,
/// so that its time and cache use reveal both: for public keys and blocks only.
class Aes256 {
  public:
    static constexpr std::size_t kRounds = 14;
    using Key = std::array<std::uint8_t, 32>;
    using Block = std::array<std::uint8_t, 16>;
    /// Four columns, their first bytes lowest; in memory a round key's bytes are in the order of the standard.
    using RoundKey = std::array<std::uint32_t, 4>;

    explicit Aes256(const Key& key);

    Block encrypt(const Block& block) const;

    /// One for the start and one for each round: kRounds + 1 of them. Not inline, for the sake of vector kernels (see
    /// constants.h).
    const RoundKey* round_keys() const;

  private:
    std::array<RoundKey, kRounds + 1> round_keys_{};
};

}  // namespace polyformer::ckks
