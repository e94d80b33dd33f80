#include "polyformer/ckks/ring/packed_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/support/error.h"

namespace polyformer::ckks {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::size_t kLength = 64;

std::uint64_t residue(std::size_t row, std::size_t i) {
    return 1000 * row + i * i;
}

PackedRows some_rows() {
    return {kLength, {21, 40, 50}, [](std::size_t row, std::span<std::uint64_t> residues) {
                for (std::size_t i = 0; i < residues.size(); ++i) residues[i] = residue(row, i);
            }};
}

TEST(PackedRows, GiveBackAnyPart) {
    const PackedRows rows = some_rows();
    EXPECT_EQ(rows.limbs(), 3U);
    EXPECT_EQ(rows.bytes().size(), kLength * (21 + 40 + 50) / 8);
    for (std::size_t row = 0; row < rows.limbs(); ++row) {
        for (const auto& [first, count] : {std::pair{0, 64}, {8, 9}, {56, 8}, {64, 0}}) {
            std::vector<std::uint64_t> part(static_cast<std::size_t>(count));
            rows.unpack(row, static_cast<std::size_t>(first), part);
            for (std::size_t i = 0; i < part.size(); ++i) {
                EXPECT_EQ(part[i], residue(row, static_cast<std::size_t>(first) + i)) << row << ", " << first;
            }
        }
    }
}

TEST(PackedRows, LieInBytesThatAreThere) {
    std::vector<std::uint64_t> read(kLength);
    PackedRows shared;
    {
        const PackedRows rows = some_rows();
        const std::shared_ptr<std::byte> memory = allocate_pages(rows.bytes().size());
        std::ranges::copy(rows.bytes(), memory.get());
        shared = PackedRows(kLength, rows.bits(), SharedBytes(memory, rows.bytes().size()));
        EXPECT_EQ(shared.bytes().data(), memory.get());
        EXPECT_THAT(
            [&] {
                PackedRows(kLength, {21, 40, 51}, SharedBytes(memory, rows.bytes().size()));
            },
            ThrowsMessage<Error>(HasSubstr("3 packed rows of 64 residues take 896 bytes, not 888")));
        EXPECT_THAT([&] { SharedBytes(memory, 888).part(800, 89); }, ThrowsMessage<Error>(HasSubstr("of 888")));
    }
    shared.unpack(2, 0, read);
    EXPECT_EQ(read[7], residue(2, 7));
}

TEST(PackedRows, RefuseWhatTheyDoNotHave) {
    const PackedRows rows = some_rows();
    std::vector<std::uint64_t> out(16);
    EXPECT_THAT([&] { rows.unpack(3, 0, out); }, ThrowsMessage<Error>(HasSubstr("row 3 of 3")));
    EXPECT_THAT([&] { rows.unpack(0, 56, out); }, ThrowsMessage<Error>(HasSubstr("16 residues from number 56")));
    EXPECT_THAT([&] { rows.unpack(0, 4, out); }, ThrowsMessage<Error>(HasSubstr("cannot be read from number 4")));
}

}  // namespace
}  // namespace polyformer::ckks
