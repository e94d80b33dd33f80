// SHA-256, in which the publishers of data sets give their checksums; libsodium's.
#pragma once

#include <sodium.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "polyformer/support/mapped_file.h"

namespace polyformer::train {

/// A running hash. 64 hexadecimal digits out.
class Sha256 {
  public:
    Sha256() { crypto_hash_sha256_init(&state_); }

    void update(std::span<const std::byte> bytes) {
        crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    }

    /// The hash of all that was fed; call once, last.
    std::string finish() {
        std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
        crypto_hash_sha256_final(&state_, hash.data());
        std::array<char, 2 * crypto_hash_sha256_BYTES + 1> hex{};
        sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
        return hex.data();
    }

  private:
    crypto_hash_sha256_state state_{};
};

/// Of a whole file. Throws IoError.
inline std::string sha256_of_file(const std::filesystem::path& file) {
    Sha256 hash;
    hash.update(MappedFile(file).bytes());
    return hash.finish();
}

}  // namespace polyformer::train
