// BLAKE2b-256 over what is fed to it piece by piece.
#pragma once

#include <sodium.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace polyformer::model {

/// A running hash. 32 bytes out, in hex.
class Digest {
  public:
    Digest() { crypto_generichash_init(&state_, nullptr, 0, kBytes); }

    void update(std::span<const std::byte> bytes) {
        crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    }

    /// The hash of all that was fed; call once, last.
    std::string finish() {
        std::array<unsigned char, kBytes> hash{};
        crypto_generichash_final(&state_, hash.data(), hash.size());
        std::array<char, 2 * kBytes + 1> hex{};
        sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
        return hex.data();
    }

  private:
    static constexpr std::size_t kBytes = 32;
    crypto_generichash_state state_{};
};

}  // namespace polyformer::model
