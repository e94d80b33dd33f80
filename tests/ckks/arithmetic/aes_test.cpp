// The block cipher against the standards' own vectors.
#include "polyformer/ckks/arithmetic/aes.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

namespace polyformer::ckks {
namespace {

template <class Bytes>
Bytes from_hex(std::string_view hex) {
    Bytes bytes{};
    EXPECT_EQ(hex.size(), 2 * bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
    }
    return bytes;
}

Aes256::Block block(std::string_view hex) {
    return from_hex<Aes256::Block>(hex);
}

Aes256 cipher(std::string_view key) {
    return Aes256(from_hex<Aes256::Key>(key));
}

constexpr std::string_view kSp800Key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";

TEST(Aes256, EncryptsTheExampleOfFips197) {  // appendix C.3
    const Aes256 aes = cipher("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    EXPECT_EQ(aes.encrypt(block("00112233445566778899aabbccddeeff")), block("8ea2b7ca516745bfeafc49904b496089"));
}

TEST(Aes256, ExpandsTheKeyOfFips197) {  // appendix A.3: words 8 to 11 and the last four
    const Aes256 aes = cipher(kSp800Key);
    const auto& keys = aes.round_keys();
    const auto bytes_of = [](const Aes256::RoundKey& key) {
        Aes256::Block bytes;
        std::memcpy(bytes.data(), key.data(), bytes.size());
        return bytes;
    };
    EXPECT_EQ(bytes_of(keys[2]), block("9ba354118e6925afa51a8b5f2067fcde"));
    EXPECT_EQ(bytes_of(keys[14]), block("fe4890d1e6188d0b046df344706c631e"));
}

TEST(Aes256, EncryptsTheCountersOfSp80038A) {  // section F.5.5: input and output blocks of CTR-AES256
    const Aes256 aes = cipher(kSp800Key);
    EXPECT_EQ(aes.encrypt(block("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")), block("0bdf7df1591716335e9a8b15c860c502"));
    EXPECT_EQ(aes.encrypt(block("f0f1f2f3f4f5f6f7f8f9fafbfcfdff00")), block("5a6e699d536119065433863c8f657b94"));
    EXPECT_EQ(aes.encrypt(block("f0f1f2f3f4f5f6f7f8f9fafbfcfdff01")), block("1bc12c9c01610d5d0d8bd6a3378eca62"));
    EXPECT_EQ(aes.encrypt(block("f0f1f2f3f4f5f6f7f8f9fafbfcfdff02")), block("2956e1c8693536b1bee99c73a31576b6"));
}

TEST(Aes256, EncryptsTheBlocksOfSp80038A) {  // section F.1.5: ECB-AES256
    const Aes256 aes = cipher(kSp800Key);
    EXPECT_EQ(aes.encrypt(block("6bc1bee22e409f96e93d7e117393172a")), block("f3eed1bdb5d2a03c064b5a7e3db181f8"));
    EXPECT_EQ(aes.encrypt(block("ae2d8a571e03ac9c9eb76fac45af8e51")), block("591ccb10d410ed26dc5ba74a31362870"));
    EXPECT_EQ(aes.encrypt(block("30c81c46a35ce411e5fbc1191a0a52ef")), block("b6ed21b99ca6f4f9f153e7b1beafed1d"));
    EXPECT_EQ(aes.encrypt(block("f69f2445df4f9b17ad2b417be66c3710")), block("23304b7a39f9f3ff067d8d8f9e24ecc7"));
}

}  // namespace
}  // namespace polyformer::ckks
