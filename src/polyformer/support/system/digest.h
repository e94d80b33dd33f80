// Digests of bytes: BLAKE2b-256 for what is ours, SHA-256 for the checksums that publishers of data sets give.
//
//   Blake2b hash;
//   hash.update(std::as_bytes(std::span(values)));
//   const std::string name = to_hex(hash.finish());
#pragma once

#include <sodium/crypto_generichash.h>
#include <sodium/crypto_hash_sha256.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace polyformer {

/// What both hashes give.
using Digest = std::array<std::byte, 32>;

/// BLAKE2b-256 (RFC 7693, without a key) of what is fed to it piece by piece.
class Blake2b {
  public:
    Blake2b();
    void update(std::span<const std::byte> bytes);
    /// The hash of all that was fed; call once, last.
    Digest finish();

  private:
    crypto_generichash_state state_;
};

/// SHA-256 (FIPS 180-4) of what is fed to it piece by piece.
class Sha256 {
  public:
    Sha256();
    void update(std::span<const std::byte> bytes);
    /// The hash of all that was fed; call once, last.
    Digest finish();

  private:
    crypto_hash_sha256_state state_;
};

/// Two lower-case hexadecimal digits for each byte.
std::string to_hex(std::span<const std::byte> bytes);

/// BLAKE2b-256 of a text, as 64 hexadecimal digits.
std::string blake2b_hex(std::string_view text);

/// BLAKE2b-256 of a whole file, as 64 hexadecimal digits. Throws IoError when it is no regular file that can be read.
std::string blake2b_of_file(const std::filesystem::path& file);

/// SHA-256 of a whole file, as 64 hexadecimal digits. Throws IoError when it is no regular file that can be read.
std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace polyformer
