// Uniform residues with ARM's instructions for AES on eight blocks at a time, and scalar products. Apart from the other
// NEON kernels because not every ARM has these instructions.
#include <arm_neon.h>

#include "polyformer/ckks/kernels/kernels_vector.h"

namespace polyformer::ckks::neon {

namespace {

constexpr std::size_t kBlocks = 8;  // enough to hide the latency of a round

/// The words of eight blocks from `block` on.
void encrypt_counters(std::uint64_t* words, const UniformSource& source, std::uint64_t block) {
    const Aes256::RoundKey* round_keys = source.cipher.round_keys();
    const auto round_key = [round_keys](std::size_t round) {
        return vreinterpretq_u8_u32(vld1q_u32(round_keys[round].data()));
    };
    uint8x16_t states[kBlocks];
    for (std::size_t i = 0; i < kBlocks; ++i) {
        const uint64x2_t counter = vcombine_u64(vcreate_u64(source.stream), vcreate_u64(block + i));
        states[i] = vreinterpretq_u8_u64(counter);
    }
    // The instruction adds the round's key first, so that the last one of all is left.
    for (std::size_t round = 0; round + 1 < Aes256::kRounds; ++round) {
        for (uint8x16_t& state : states) state = vaesmcq_u8(vaeseq_u8(state, round_key(round)));
    }
    for (std::size_t i = 0; i < kBlocks; ++i) {
        const uint8x16_t last = vaeseq_u8(states[i], round_key(Aes256::kRounds - 1));
        const uint8x16_t result = veorq_u8(last, round_key(Aes256::kRounds));
        vst1q_u64(words + i * UniformSource::kWordsPerBlock, vreinterpretq_u64_u8(result));
    }
}

}  // namespace

std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& modulus) {
    const std::uint64_t q = modulus.value;
    const std::uint64_t refused = (std::uint64_t{0} - q) % q;
    std::uint64_t* end = out;
    for (; blocks >= kBlocks; blocks -= kBlocks, block += kBlocks) {
        std::uint64_t words[kBlocks * UniformSource::kWordsPerBlock];
        encrypt_counters(words, source, block);
        for (const std::uint64_t word : words) {
            const Uint128 product = static_cast<Uint128>(word) * q;
            *end = static_cast<std::uint64_t>(product >> 64);
            end += static_cast<std::uint64_t>(product) >= refused ? 1 : 0;
        }
    }
    const auto count = static_cast<std::size_t>(end - out);
    return count + scalar_kernels().uniform_residues(end, source, block, blocks, modulus);
}

}  // namespace polyformer::ckks::neon
