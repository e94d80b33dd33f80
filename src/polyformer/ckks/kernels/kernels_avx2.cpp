// The kernels with AVX2 and FMA; the transforms are in ntt_avx2.cpp, uniform residues in uniform_avx2.cpp.
#include <cstring>

#include "polyformer/ckks/kernels/arithmetic_avx2.h"
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/kernels_vector_template.h"

namespace polyformer::ckks {

namespace avx2 {

namespace {

struct Arithmetic {
    using Vector = avx2::Vector;
    using VectorModulus = avx2::VectorModulus;
    using LazySum = avx2::LazySum;
    static constexpr std::size_t kLanes = avx2::kLanes;
    static constexpr std::size_t kOutputsPerTile = 2;  // times two blocks: eight of the sixteen registers

    static Vector broadcast(std::uint64_t value) { return avx2::broadcast(value); }
    static Vector load(const std::uint64_t* p) { return avx2::load(p); }
    static void store(std::uint64_t* p, Vector v) { avx2::store(p, v); }
    static Vector load_partial(const std::uint64_t* p, std::size_t length) {
        std::uint64_t copy[kLanes] = {};
        std::memcpy(copy, p, length * sizeof(std::uint64_t));
        return load(copy);
    }
    static void store_partial(std::uint64_t* p, std::size_t length, Vector v) {
        std::uint64_t copy[kLanes];
        store(copy, v);
        std::memcpy(p, copy, length * sizeof(std::uint64_t));
    }

    static void store_permuted(std::uint64_t* out, const Vector* values, const std::uint32_t* index) {
        std::uint64_t block[2 * kLanes];
        store(block, values[0]);
        store(block + kLanes, values[1]);
        for (std::size_t i = 0; i < 2 * kLanes; ++i) out[i] = block[index[i] % (2 * kLanes)];
    }

    class CenteredReduction {
      public:
        CenteredReduction(const ModulusConstants& from, const ModulusConstants& to)
            : to_(to), from_(broadcast(from.value)), half_(broadcast(from.value / 2)) {}

        Vector operator()(Vector value) const {
            const Vector is_negative = _mm256_cmp_pd(value, half_, _CMP_GT_OQ);
            return to_.reduce(_mm256_sub_pd(value, _mm256_and_pd(from_, is_negative)));
        }

      private:
        VectorModulus to_;
        Vector from_;
        Vector half_;
    };

    class RoundedQuotient {
      public:
        void add_product(Vector a, double factor) {
            sum_ = _mm256_add_pd(sum_, _mm256_mul_pd(a, broadcast_double(factor)));
        }
        Vector rounded() const { return _mm256_floor_pd(sum_); }

      private:
        Vector sum_ = broadcast_double(0.5);
    };
};

void packed_inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::byte* const* b,
                          std::size_t bytes, int bits, std::size_t count, std::size_t n, const ModulusConstants& q,
                          bool accumulate) {
    packed_inner_product_by(VectorKernels<Arithmetic>::inner_product, out, a, b, bytes, bits, count, n, q, accumulate);
}

}  // namespace

}  // namespace avx2

const Kernels& avx2_kernels() {
    // Permuting and unpacking gain nothing from vectors of four: the reference's will do.
    static const Kernels kTable = vector_kernels<avx2::Arithmetic>(
        "avx2", avx2::forward_ntt, avx2::scaled_inverse_ntt, scalar_kernels().permute,
        __builtin_cpu_supports("aes") ? avx2::uniform_residues : scalar_kernels().uniform_residues,
        scalar_kernels().unpack, avx2::packed_inner_product);
    return kTable;
}

}  // namespace polyformer::ckks
