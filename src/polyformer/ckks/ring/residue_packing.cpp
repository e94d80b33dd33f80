#include "polyformer/ckks/ring/residue_packing.h"

#include <bit>
#include <cstring>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

static_assert(std::endian::native == std::endian::little, "files are little-endian and so is the word access below");

std::size_t packed_bytes(std::size_t count, int bits) {
    return (count * static_cast<std::size_t>(bits) + 7) / 8;
}

void pack_residues(std::span<const std::uint64_t> residues, int bits, std::span<std::byte> out) {
    std::uint64_t word = 0;
    int filled = 0;
    std::byte* next = out.data();
    for (const std::uint64_t residue : residues) {
        word |= residue << filled;
        filled += bits;
        if (filled >= 64) {
            std::memcpy(next, &word, 8);
            next += 8;
            filled -= 64;
            word = filled > 0 ? residue >> (bits - filled) : 0;
        }
    }
    // Of no residues there may be no place to write to.
    if (filled > 0) std::memcpy(next, &word, static_cast<std::size_t>((filled + 7) / 8));
}

bool unpack_residues(std::span<const std::byte> packed, int bits, std::uint64_t modulus, std::span<std::uint64_t> out) {
    kernels().unpack(out.data(), packed.data(), packed.size(), bits, out.size());
    std::uint64_t too_large = 0;
    for (const std::uint64_t residue : out) too_large |= static_cast<std::uint64_t>(residue >= modulus);
    const std::size_t padding = packed.size() * 8 - out.size() * static_cast<std::size_t>(bits);
    const bool clean = padding == 0 || (std::to_integer<unsigned>(packed.back()) >> (8 - padding)) == 0;
    return too_large == 0 && clean;
}

}  // namespace polyformer::ckks
