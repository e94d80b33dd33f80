// Uniform residues with AES-NI on eight blocks at a time, and products of 64 by 50 bits in parts of 32. Apart from the
// other AVX2 kernels because a CPU may have AVX2 and no AES instructions.
#include <immintrin.h>

#include "polyformer/ckks/kernels/kernels_vector.h"

namespace polyformer::ckks::avx2 {

namespace {

constexpr std::size_t kBlocks = 8;  // enough to hide the latency of a round

/// The blocks from `block` on, encrypted.
void encrypt_counters(__m128i (&states)[kBlocks], const UniformSource& source, std::uint64_t block) {
    const Aes256::RoundKey* round_keys = source.cipher.round_keys();
    const auto round_key = [round_keys](std::size_t round) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(round_keys + round));
    };
    for (std::size_t i = 0; i < kBlocks; ++i) {
        const __m128i counter =
            _mm_set_epi64x(static_cast<long long>(block + i), static_cast<long long>(source.stream));
        states[i] = _mm_xor_si128(counter, round_key(0));
    }
    for (std::size_t round = 1; round < Aes256::kRounds; ++round) {
        for (__m128i& state : states) state = _mm_aesenc_si128(state, round_key(round));
    }
    for (__m128i& state : states) state = _mm_aesenclast_si128(state, round_key(Aes256::kRounds));
}

/// Products of words and the modulus.
class Product {
  public:
    explicit Product(std::uint64_t q)
        : low_q_(_mm256_set1_epi64x(static_cast<long long>(q & 0xffffffff))),
          high_q_(_mm256_set1_epi64x(static_cast<long long>(q >> 32))) {}

    /// floor(words·q / 2^64). Says whether the low 64 bits of a product are below 2^50, as they must be for a word to
    /// be refused.
    bool operator()(__m256i words, __m256i& residues) const {
        const __m256i low_half = _mm256_set1_epi64x(0xffffffff);
        const __m256i high_words = _mm256_srli_epi64(words, 32);
        const __m256i low = _mm256_mul_epu32(words, low_q_);
        const __m256i middle = _mm256_add_epi64(_mm256_mul_epu32(high_words, low_q_), _mm256_srli_epi64(low, 32));
        const __m256i other_middle =
            _mm256_add_epi64(_mm256_mul_epu32(words, high_q_), _mm256_and_si256(middle, low_half));
        const __m256i high = _mm256_add_epi64(_mm256_mul_epu32(high_words, high_q_), _mm256_srli_epi64(middle, 32));
        residues = _mm256_add_epi64(high, _mm256_srli_epi64(other_middle, 32));
        // Bits 50 to 63 of the product.
        const __m256i leading = _mm256_and_si256(other_middle, _mm256_set1_epi64x(0xfffc0000));
        return _mm256_movemask_epi8(_mm256_cmpeq_epi64(leading, _mm256_setzero_si256())) != 0;
    }

  private:
    __m256i low_q_;
    __m256i high_q_;
};

}  // namespace

std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& modulus) {
    const Product product(modulus.value);
    std::uint64_t* end = out;
    for (; blocks >= kBlocks; blocks -= kBlocks, block += kBlocks) {
        __m128i states[kBlocks];
        encrypt_counters(states, source, block);
        for (std::size_t i = 0; i < kBlocks; i += 2) {
            __m256i residues;
            if (product(_mm256_set_m128i(states[i + 1], states[i]), residues)) [[unlikely]] {
                end += scalar_kernels().uniform_residues(end, source, block + i, 2, modulus);
                continue;
            }
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(end), residues);
            end += 2 * UniformSource::kWordsPerBlock;
        }
    }
    const auto count = static_cast<std::size_t>(end - out);
    return count + scalar_kernels().uniform_residues(end, source, block, blocks, modulus);
}

}  // namespace polyformer::ckks::avx2
