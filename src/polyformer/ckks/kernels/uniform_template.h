// Uniform residues for instruction sets that have the rounds of AES and no wide integer products. Included by the
// uniform residues of AVX2 and NEON only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

/// Kernels::uniform_residues, given encrypt(words, block), which writes the words of kBlocks blocks from `block` on.
template <std::size_t kBlocks, class Encrypt>
std::size_t uniform_residues_by(const Encrypt& encrypt, std::uint64_t* out, const UniformSource& source,
                                std::uint64_t block, std::size_t blocks, const ModulusConstants& modulus) {
    const std::uint64_t q = modulus.value;
    const std::uint64_t refused = (std::uint64_t{0} - q) % q;
    std::uint64_t* end = out;
    for (; blocks >= kBlocks; blocks -= kBlocks, block += kBlocks) {
        std::uint64_t words[kBlocks * UniformSource::kWordsPerBlock];
        encrypt(words, block);
        for (const std::uint64_t word : words) {
            const Uint128 product = static_cast<Uint128>(word) * q;
            *end = static_cast<std::uint64_t>(product >> 64);
            end += static_cast<std::uint64_t>(product) >= refused ? 1 : 0;
        }
    }
    const auto count = static_cast<std::size_t>(end - out);
    return count + scalar_kernels().uniform_residues(end, source, block, blocks, modulus);
}

}  // namespace polyformer::ckks
