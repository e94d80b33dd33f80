#include "polyformer/support/system/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace polyformer {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

// Of Python's hashlib: blake2b(b"abc", digest_size=32) and sha256(b"abc"), the latter also in FIPS 180-4's examples.
constexpr const char* kBlake2bOfAbc = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
constexpr const char* kSha256OfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, IsThePublishedOne) {
    EXPECT_EQ(blake2b_hex("abc"), kBlake2bOfAbc);
    Sha256 hash;
    hash.update(bytes_of("abc"));
    EXPECT_EQ(to_hex(hash.finish()), kSha256OfAbc);
}

TEST(Digest, DoesNotDependOnThePieces) {
    Blake2b blake;
    Sha256 sha;
    for (const std::string_view piece : {"a", "", "bc"}) {
        blake.update(bytes_of(piece));
        sha.update(bytes_of(piece));
    }
    EXPECT_EQ(to_hex(blake.finish()), kBlake2bOfAbc);
    EXPECT_EQ(to_hex(sha.finish()), kSha256OfAbc);
}

}  // namespace
}  // namespace polyformer
