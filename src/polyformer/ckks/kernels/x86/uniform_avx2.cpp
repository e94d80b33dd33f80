// Uniform residues with AES-NI: eight blocks at a time, and scalar products, which AVX2 has nothing faster for. Apart
// from the other AVX2 kernels because a CPU may have AVX2 and no AES instructions.
#include <immintrin.h>

#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/uniform_template.h"

namespace polyformer::ckks::avx2 {

std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& modulus) {
    constexpr std::size_t kBlocks = 8;  // enough to hide the latency of a round
    const Aes256::RoundKey* round_keys = source.cipher.round_keys();
    const auto round_key = [round_keys](std::size_t round) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(round_keys + round));
    };
    const auto encrypt = [&](std::uint64_t* words, std::uint64_t first) {
        __m128i states[kBlocks];
        for (std::size_t i = 0; i < kBlocks; ++i) {
            const __m128i counter =
                _mm_set_epi64x(static_cast<long long>(first + i), static_cast<long long>(source.stream));
            states[i] = _mm_xor_si128(counter, round_key(0));
        }
        for (std::size_t round = 1; round < Aes256::kRounds; ++round) {
            for (__m128i& state : states) state = _mm_aesenc_si128(state, round_key(round));
        }
        for (std::size_t i = 0; i < kBlocks; ++i) {
            const __m128i result = _mm_aesenclast_si128(states[i], round_key(Aes256::kRounds));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(words + i * UniformSource::kWordsPerBlock), result);
        }
    };
    return uniform_residues_by<kBlocks>(encrypt, out, source, block, blocks, modulus);
}

}  // namespace polyformer::ckks::avx2
