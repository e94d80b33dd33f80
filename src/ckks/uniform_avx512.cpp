// Uniform residues with AVX-512: ChaCha20 on thirty-two blocks at a time, and products of 64 by 50 bits through IFMA.
#include <array>

#include "ckks/arithmetic_avx512.h"
#include "ckks/kernels_vector.h"

namespace polyformer::ckks::avx512 {

namespace {

constexpr std::size_t kBlocks = 32;
constexpr std::size_t kVectors = kBlocks * UniformSource::kWordsPerBlock / kLanes;

inline void quarter_round(Vector& a, Vector& b, Vector& c, Vector& d) {
    a = _mm512_add_epi32(a, b);
    d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 16);
    c = _mm512_add_epi32(c, d);
    b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 12);
    a = _mm512_add_epi32(a, b);
    d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 8);
    c = _mm512_add_epi32(c, d);
    b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 7);
}

/// ChaCha20 under one key and nonce.
class BlockCipher {
  public:
    explicit BlockCipher(const UniformSource& source) {
        const std::array<std::uint32_t, 4> constants{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
        for (std::size_t i = 0; i < 4; ++i) state_[i] = broadcast_32(constants[i]);
        for (std::size_t i = 0; i < 8; ++i) {
            std::uint32_t word = 0;
            __builtin_memcpy(&word, source.seed.data() + 4 * i, sizeof word);
            state_[4 + i] = broadcast_32(word);
        }
        state_[12] = zero();  // the block's number
        state_[13] = broadcast_32(static_cast<std::uint32_t>(source.stream));
        state_[14] = broadcast_32(static_cast<std::uint32_t>(source.stream >> 32));
        state_[15] = zero();
    }

    /// Thirty-two blocks from `block` on, each one vector. Two groups of sixteen side by side hide the latency of the
    /// rounds.
    void blocks(std::uint32_t block, Vector* out) const {
        const Vector places = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        const Vector first = _mm512_add_epi32(broadcast_32(block), places);
        const Vector second = _mm512_add_epi32(first, broadcast_32(16));
        Vector x[16];
        Vector y[16];
        for (std::size_t i = 0; i < 16; ++i) {
            x[i] = i == 12 ? first : state_[i];
            y[i] = i == 12 ? second : state_[i];
        }
        for (int round = 0; round < 20; round += 2) {
            for (std::size_t i = 0; i < 4; ++i) {
                quarter_round(x[i], x[4 + i], x[8 + i], x[12 + i]);
                quarter_round(y[i], y[4 + i], y[8 + i], y[12 + i]);
            }
            for (std::size_t i = 0; i < 4; ++i) {
                quarter_round(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
                quarter_round(y[i], y[4 + (i + 1) % 4], y[8 + (i + 2) % 4], y[12 + (i + 3) % 4]);
            }
        }
        for (std::size_t i = 0; i < 16; ++i) {
            x[i] = _mm512_add_epi32(x[i], i == 12 ? first : state_[i]);
            y[i] = _mm512_add_epi32(y[i], i == 12 ? second : state_[i]);
        }
        transpose(x, out);
        transpose(y, out + 16);
    }

  private:
    static Vector broadcast_32(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }

    /// x[i] has word i of every block; out[b] has every word of block b.
    static void transpose(const Vector* x, Vector* out) {
        // Four words of blocks c, c + 4, c + 8, c + 12 each: quarters[c][i] has their words 4i to 4i + 3.
        Vector quarters[4][4];
        for (std::size_t i = 0; i < 4; ++i) {
            const Vector low_01 = _mm512_unpacklo_epi32(x[4 * i], x[4 * i + 1]);
            const Vector high_01 = _mm512_unpackhi_epi32(x[4 * i], x[4 * i + 1]);
            const Vector low_23 = _mm512_unpacklo_epi32(x[4 * i + 2], x[4 * i + 3]);
            const Vector high_23 = _mm512_unpackhi_epi32(x[4 * i + 2], x[4 * i + 3]);
            quarters[0][i] = _mm512_unpacklo_epi64(low_01, low_23);
            quarters[1][i] = _mm512_unpackhi_epi64(low_01, low_23);
            quarters[2][i] = _mm512_unpacklo_epi64(high_01, high_23);
            quarters[3][i] = _mm512_unpackhi_epi64(high_01, high_23);
        }
        for (std::size_t c = 0; c < 4; ++c) {
            const Vector* q = quarters[c];
            const Vector even_01 = _mm512_shuffle_i64x2(q[0], q[1], 0x88);
            const Vector odd_01 = _mm512_shuffle_i64x2(q[0], q[1], 0xdd);
            const Vector even_23 = _mm512_shuffle_i64x2(q[2], q[3], 0x88);
            const Vector odd_23 = _mm512_shuffle_i64x2(q[2], q[3], 0xdd);
            out[c] = _mm512_shuffle_i64x2(even_01, even_23, 0x88);
            out[c + 4] = _mm512_shuffle_i64x2(odd_01, odd_23, 0x88);
            out[c + 8] = _mm512_shuffle_i64x2(even_01, even_23, 0xdd);
            out[c + 12] = _mm512_shuffle_i64x2(odd_01, odd_23, 0xdd);
        }
    }

    Vector state_[16];
};

}  // namespace

std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint32_t block, std::size_t blocks,
                             const Modulus& modulus) {
    BlockCipher cipher(source);
    const Vector q = broadcast(modulus.value());
    const Vector refused = broadcast((std::uint64_t{0} - modulus.value()) % modulus.value());
    const Vector low_12_bits = broadcast((std::uint64_t{1} << 12) - 1);
    std::uint64_t* end = out;
    for (; blocks >= kBlocks; blocks -= kBlocks, block += kBlocks) {
        Vector words[kVectors];
        cipher.blocks(block, words);
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
