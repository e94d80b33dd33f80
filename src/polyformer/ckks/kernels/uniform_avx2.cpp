// Uniform residues with AES-NI: eight blocks at a time, and scalar products, which AVX2 has nothing faster for. Apart
// from the other AVX2 kernels because a CPU may have AVX2 and no AES instructions.
#include <immintrin.h>

#include "polyformer/ckks/kernels/kernels_vector.h"

namespace polyformer::ckks::avx2 {

namespace {

constexpr std::size_t kBlocks = 8;  // enough to hide the latency of a round

/// The words of eight blocks from `block` on.
void encrypt_counters(std::uint64_t* words, const UniformSource& source, std::uint64_t block) {
    const Aes256::RoundKey* round_keys = source.cipher.round_keys();
    const auto round_key = [round_keys](std::size_t round) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(round_keys + round));
    };
    __m128i states[kBlocks];
    for (std::size_t i = 0; i < kBlocks; ++i) {
        const __m128i counter =
            _mm_set_epi64x(static_cast<long long>(block + i), static_cast<long long>(source.stream));
        states[i] = _mm_xor_si128(counter, round_key(0));
    }
    for (std::size_t round = 1; round < Aes256::kRounds; ++round) {
        for (__m128i& state : states) state = _mm_aesenc_si128(state, round_key(round));
    }
    for (std::size_t i = 0; i < kBlocks; ++i) {
        const __m128i result = _mm_aesenclast_si128(states[i], round_key(Aes256::kRounds));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(words + i * UniformSource::kWordsPerBlock), result);
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

}  // namespace polyformer::ckks::avx2
