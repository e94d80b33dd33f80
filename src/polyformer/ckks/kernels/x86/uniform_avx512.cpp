// Uniform residues with AVX-512: AES-256 on sixty-four blocks at a time, and products of 64 by 50 bits through IFMA.
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/x86/arithmetic_avx512.h"

namespace polyformer::ckks::avx512 {

namespace {

constexpr std::size_t kBlocksPerVector = 4;
constexpr std::size_t kVectors = 16;
constexpr std::size_t kBlocks = kVectors * kBlocksPerVector;

/// AES-256 in counter mode, four blocks to a vector.
class CounterMode {
  public:
    explicit CounterMode(const UniformSource& source) {
        for (std::size_t round = 0; round <= Aes256::kRounds; ++round) {
            const void* key = source.cipher.round_keys() + round;
            round_keys_[round] = _mm512_broadcast_i32x4(_mm_loadu_si128(static_cast<const __m128i*>(key)));
        }
        const auto stream = static_cast<long long>(source.stream);
        first_ = _mm512_set_epi64(3, stream, 2, stream, 1, stream, 0, stream);
    }

    /// The words of the blocks from `block` on. Rounds of independent vectors follow each other, which hides their
    /// latency.
    void words(std::uint64_t block, Vector (&out)[kVectors]) const {
        constexpr __mmask8 kBlockNumbers = 0xaa;
        const Vector first = add(first_, _mm512_maskz_set1_epi64(kBlockNumbers, static_cast<long long>(block)));
        for (std::size_t i = 0; i < kVectors; ++i) {
            const auto offset = static_cast<long long>(i * kBlocksPerVector);
            const Vector counters = add(first, _mm512_maskz_set1_epi64(kBlockNumbers, offset));
            out[i] = _mm512_xor_si512(counters, round_keys_[0]);
        }
        for (std::size_t round = 1; round < Aes256::kRounds; ++round) {
            for (Vector& state : out) state = _mm512_aesenc_epi128(state, round_keys_[round]);
        }
        for (Vector& state : out) state = _mm512_aesenclast_epi128(state, round_keys_[Aes256::kRounds]);
    }

  private:
    Vector round_keys_[Aes256::kRounds + 1];
    Vector first_;
};

}  // namespace

std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& modulus) {
    const CounterMode cipher(source);
    const Vector q = broadcast(modulus.value);
    const Vector refused = broadcast((std::uint64_t{0} - modulus.value) % modulus.value);
    const Vector low_12_bits = broadcast((std::uint64_t{1} << 12) - 1);
    std::uint64_t* end = out;
    for (; blocks >= kBlocks; blocks -= kBlocks, block += kBlocks) {
        Vector words[kVectors];
        cipher.words(block, words);
        for (const Vector word : words) {
            // word·q = upper·2^52 + lower: the factor's high 12 bits times q, and the rest by IFMA.
            const Vector upper = multiply_high(_mm512_mullo_epi64(_mm512_srli_epi64(word, 52), q), word, q);
            const Vector residues = _mm512_srli_epi64(upper, 12);
            // 2^64 mod q is below 2^52: a product's low 64 bits are below it only if the first 12 of them are zero.
            __mmask8 rejected = _mm512_testn_epi64_mask(upper, low_12_bits);
            if (rejected == 0) [[likely]] {
                store(end, residues);
                end += kLanes;
                continue;
            }
            rejected = _mm512_mask_cmplt_epu64_mask(rejected, multiply_low(zero(), word, q), refused);
            store(end, _mm512_maskz_compress_epi64(static_cast<__mmask8>(~rejected), residues));
            end += kLanes - static_cast<std::size_t>(__builtin_popcount(rejected));
        }
    }
    const auto count = static_cast<std::size_t>(end - out);
    return count + scalar_kernels().uniform_residues(end, source, block, blocks, modulus);
}

}  // namespace polyformer::ckks::avx512
