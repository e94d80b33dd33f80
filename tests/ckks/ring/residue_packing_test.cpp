#include "polyformer/ckks/ring/residue_packing.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

namespace polyformer::ckks {
namespace {

using Bytes = std::vector<std::byte>;

TEST(ResiduePackingTest, RoundTripsEveryWidth) {
    std::mt19937_64 random(1);
    for (int bits = 21; bits <= 56; ++bits) {
        for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{1024}}) {
            const std::uint64_t modulus = (std::uint64_t{1} << bits) - 3;
            std::vector<std::uint64_t> residues(count);
            for (std::uint64_t& residue : residues) residue = random() % modulus;
            residues.back() = modulus - 1;
            Bytes packed(packed_bytes(count, bits));
            pack_residues(residues, bits, packed);
            std::vector<std::uint64_t> unpacked(count);
            EXPECT_TRUE(unpack_residues(packed, bits, modulus, unpacked)) << bits << " bits, " << count;
            EXPECT_EQ(unpacked, residues) << bits << " bits, " << count;
            EXPECT_FALSE(unpack_residues(packed, bits, modulus - 1, unpacked)) << "a residue equal to the modulus";
        }
    }
}

TEST(ResiduePackingTest, RefusesPaddingBits) {
    const std::vector<std::uint64_t> residues = {1, 2, 3};
    Bytes packed(packed_bytes(3, 21));  // 63 bits
    pack_residues(residues, 21, packed);
    std::vector<std::uint64_t> unpacked(3);
    ASSERT_TRUE(unpack_residues(packed, 21, 1 << 20, unpacked));
    packed.back() |= std::byte{0x80};
    EXPECT_FALSE(unpack_residues(packed, 21, 1 << 20, unpacked));
}

}  // namespace
}  // namespace polyformer::ckks
