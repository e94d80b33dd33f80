#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "ckks/keys.h"

namespace polyformer::ckks {

static_assert(std::endian::native == std::endian::little, "the stream's words are little-endian");

std::uint64_t uniform_stream(std::size_t digit, bool special, std::size_t prime) {
    return std::uint64_t{digit} << 32 | std::uint64_t{special} << 16 | prime;
}

void expand_uniform(const Seed& seed, std::uint64_t stream, const Modulus& modulus, std::span<std::uint64_t> limb) {
    static_assert(crypto_stream_chacha20_ietf_KEYBYTES == sizeof(Seed));
    constexpr std::size_t kBlockBytes = 64;
    std::array<unsigned char, crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};
    std::memcpy(nonce.data(), &stream, sizeof stream);

    const std::uint64_t q = modulus.value();
    const std::uint64_t refused = (std::uint64_t{0} - q) % q;  // 2^64 mod q
    alignas(64) std::array<std::uint64_t, 1024> words;         // NOLINT: filled below
    auto* bytes = reinterpret_cast<unsigned char*>(words.data());
    std::uint32_t block = 0;
    for (std::size_t filled = 0; filled < limb.size();) {
        words.fill(0);
        crypto_stream_chacha20_ietf_xor_ic(bytes, bytes, sizeof words, nonce.data(), block, seed.data());
        block += static_cast<std::uint32_t>(sizeof words / kBlockBytes);
        for (std::size_t i = 0; i < words.size() && filled < limb.size(); ++i) {
            const Uint128 product = static_cast<Uint128>(words[i]) * q;
            limb[filled] = static_cast<std::uint64_t>(product >> 64);
            filled += static_cast<std::size_t>(static_cast<std::uint64_t>(product) >= refused);
        }
    }
}

}  // namespace polyformer::ckks
