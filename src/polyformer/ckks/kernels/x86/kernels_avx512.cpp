// The kernels with AVX-512 IFMA; the transforms are in ntt_avx512.cpp, uniform residues in
// uniform_avx512.cpp.
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/kernels_vector_template.h"
#include "polyformer/ckks/kernels/x86/arithmetic_avx512.h"

namespace polyformer::ckks {

namespace avx512 {

namespace {

struct Arithmetic {
    using Vector = avx512::Vector;
    using VectorModulus = avx512::VectorModulus;
    using LazySum = avx512::LazySum;
    static constexpr std::size_t kLanes = avx512::kLanes;
    static constexpr std::size_t kOutputsPerTile = 4;  // times two blocks: sixteen of the thirty-two registers
    static constexpr std::size_t kPackedBlocksPerTile = 4;

    static constexpr bool kPreparesWeights = false;
    using Weight = std::uint64_t;
    static Weight weight(std::uint64_t value) { return value; }
    static Vector broadcast(Weight weight) { return avx512::broadcast(weight); }
    using Integers = Vector;
    static Vector from_integers(Integers v) { return v; }
    static void store_integers(std::uint64_t* p, Integers v) { avx512::store(p, v); }
    static Vector load(const std::uint64_t* p) { return avx512::load(p); }
    static void store(std::uint64_t* p, Vector v) { avx512::store(p, v); }
    static __mmask8 first(std::size_t length) { return static_cast<__mmask8>((1U << length) - 1); }
    static Vector load_partial(const std::uint64_t* p, std::size_t length) {
        return _mm512_maskz_loadu_epi64(first(length), p);
    }
    static void store_partial(std::uint64_t* p, std::size_t length, Vector v) {
        _mm512_mask_storeu_epi64(p, first(length), v);
    }

    /// Of each index only the place in its block, the low three bits, matters.
    static void store_permuted(std::uint64_t* out, const Vector* values, const std::uint32_t* index) {
        const Vector places = _mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(index)));
        avx512::store(out, _mm512_permutexvar_epi64(places, *values));
    }

    class CenteredReduction {
      public:
        CenteredReduction(const ModulusConstants& from, const ModulusConstants& to)
            : to_(to), half_(broadcast(from.value / 2)), minus_from_(broadcast(negative_modulo(to, from.value))) {}

        Vector operator()(Vector value) const {
            const Vector reduced = to_.reduce(value);
            const __mmask8 negative = _mm512_cmpgt_epu64_mask(value, half_);
            return reduce_once(_mm512_mask_add_epi64(reduced, negative, reduced, minus_from_), to_.q);
        }

      private:
        VectorModulus to_;
        Vector half_;
        Vector minus_from_;
    };

    class RoundedQuotient {
      public:
        void add_product(Vector a, double factor) {
            sum_ = _mm512_add_pd(sum_, _mm512_mul_pd(_mm512_cvtepu64_pd(a), _mm512_set1_pd(factor)));
        }
        Vector rounded() const { return _mm512_cvttpd_epu64(sum_); }

      private:
        __m512d sum_ = _mm512_set1_pd(0.5);
    };

    /// Eight packed numbers take as many bytes as each has bits, so that all lie at the same places of the 64 bytes
    /// from the first one on.
    class Unpacking {
      public:
        static constexpr std::size_t kReach = 64;  ///< bytes that may be read

        explicit Unpacking(int bits) : mask_(avx512::broadcast((std::uint64_t{1} << bits) - 1)) {
            alignas(sizeof(Vector)) std::uint64_t words[kLanes];
            alignas(sizeof(Vector)) std::uint64_t shifts[kLanes];
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                words[lane] = lane * static_cast<std::size_t>(bits) / 64;
                shifts[lane] = lane * static_cast<std::size_t>(bits) % 64;
            }
            word_ = load(words);
            next_word_ = add(word_, avx512::broadcast(1));
            shift_ = load(shifts);
            next_shift_ = _mm512_sub_epi64(avx512::broadcast(64), shift_);  // by 64 bits: nothing is left
        }

        /// Eight numbers.
        void operator()(const std::byte* packed, Vector* out) const {
            const Vector source = _mm512_loadu_si512(packed);
            const Vector low = _mm512_srlv_epi64(_mm512_permutexvar_epi64(word_, source), shift_);
            const Vector high = _mm512_sllv_epi64(_mm512_permutexvar_epi64(next_word_, source), next_shift_);
            constexpr int kEitherAndMask = 0xa8;
            *out = _mm512_ternarylogic_epi64(low, high, mask_, kEitherAndMask);
        }

      private:
        Vector mask_;
        Vector word_;
        Vector next_word_;
        Vector shift_;
        Vector next_shift_;
    };
};

void permute(std::uint64_t* out, const std::uint64_t* in, const std::uint32_t* index, std::size_t n) {
    for (std::size_t i = 0; i < n; i += kLanes) {
        const Vector source = load(in + (index[i] & ~std::uint32_t{kLanes - 1}));
        Arithmetic::store_permuted(out + i, &source, index + i);
    }
}

}  // namespace

}  // namespace avx512

const Kernels& avx512_kernels() {
    static constexpr Kernels kTable = vector_kernels<avx512::Arithmetic>(
        "avx512", avx512::forward_ntt, avx512::scaled_inverse_ntt, avx512::permute, avx512::uniform_residues);
    return kTable;
}

}  // namespace polyformer::ckks
