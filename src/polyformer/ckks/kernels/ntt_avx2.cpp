// The transforms with AVX2 and FMA. Between the first and the last pass the values are doubles of either sign in place
// of the integers: forward at most 1.6·q in size, inverse at most 2·q.
#include "polyformer/ckks/kernels/arithmetic_avx2.h"
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/ntt_vector_template.h"

namespace polyformer::ckks::avx2 {

namespace {

class Butterflies {
  public:
    using Vector = avx2::Vector;
    using Factor = avx2::Factor;
    struct Pair {
        Vector low;
        Vector high;
    };
    static constexpr std::size_t kLanes = avx2::kLanes;

    /// The inverse multiplies by `scalar`.
    explicit Butterflies(const TransformTables& tables, std::uint64_t scalar = 1)
        : modulus_(tables.modulus),
          roots_(tables.roots),
          inverse_dimension_(scaled(tables.modulus, tables.inverse_dimension, scalar)),
          last_factor_(scaled(tables.modulus, tables.last_factor, scalar)) {}

    Factor root(std::size_t node) const { return modulus_.factor(roots_[node]); }

    static Vector load_input(const std::uint64_t* p) { return avx2::load(p); }
    static Vector load(const std::uint64_t* p) { return _mm256_loadu_pd(reinterpret_cast<const double*>(p)); }
    static void store(std::uint64_t* p, Vector v) { _mm256_storeu_pd(reinterpret_cast<double*>(p), v); }

    void forward_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector sum = modulus_.reduce_lazy(x);
        const Vector product = modulus_.multiply_lazy(y, factor);
        x = _mm256_add_pd(sum, product);
        y = _mm256_sub_pd(sum, product);
    }

    void inverse_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector difference = _mm256_sub_pd(y, x);
        x = modulus_.reduce_lazy(_mm256_add_pd(x, y));
        y = modulus_.multiply_lazy(difference, factor);
    }

    void store_last_butterfly(std::uint64_t* low, std::uint64_t* high, Vector x, Vector y) const {
        avx2::store(low, modulus_.reduce(modulus_.multiply_lazy(_mm256_add_pd(x, y), inverse_dimension_)));
        avx2::store(high, modulus_.reduce(modulus_.multiply_lazy(_mm256_sub_pd(y, x), last_factor_)));
    }

    /// Strides 2 and 1 of eight values in natural order; stores them as integers.
    void store_last_levels(std::uint64_t* values, Pair v, std::size_t node) const {
        v = halves(v);
        forward_butterfly(v.low, v.high, modulus_.factor(two_roots(2 * node)));
        v = unpack(v);
        forward_butterfly(v.low, v.high, modulus_.factor(four_roots(4 * node)));
        v = halves(unpack(v));
        avx2::store(values, modulus_.reduce(v.low));
        avx2::store(values + kLanes, modulus_.reduce(v.high));
    }

    /// Strides 1 and 2 of eight integers.
    Pair load_first_levels(const std::uint64_t* values, std::size_t mirror) const {
        Pair v{load_input(values), load_input(values + kLanes)};
        v = unpack(halves(v));
        inverse_butterfly(v.low, v.high, modulus_.factor(reversed(four_roots(4 * mirror))));
        v = unpack(v);
        inverse_butterfly(v.low, v.high, modulus_.factor(reversed(two_roots(2 * mirror))));
        return halves(v);
    }

  private:
    Factor scaled(const ModulusConstants& q, const ShoupFactor& factor, std::uint64_t scalar) const {
        return modulus_.factor(product_modulo(q, scalar, factor.value));
    }

    static Pair halves(const Pair& v) {
        return {_mm256_permute2f128_pd(v.low, v.high, 0x20), _mm256_permute2f128_pd(v.low, v.high, 0x31)};
    }
    static Pair unpack(const Pair& v) { return {_mm256_unpacklo_pd(v.low, v.high), _mm256_unpackhi_pd(v.low, v.high)}; }

    /// The roots of the two nodes from `node`, twice each, and of the four nodes from it.
    Vector two_roots(std::size_t node) const {
        const Vector both = _mm256_castpd128_pd256(_mm_loadu_pd(reinterpret_cast<const double*>(roots_ + node)));
        return from_integers(_mm256_castpd_si256(_mm256_permute4x64_pd(both, 0b01'01'00'00)));
    }
    Vector four_roots(std::size_t node) const { return avx2::load(roots_ + node); }
    static Vector reversed(Vector v) { return _mm256_permute4x64_pd(v, 0b00'01'10'11); }

    VectorModulus modulus_;
    const std::uint64_t* roots_;
    Factor inverse_dimension_;
    Factor last_factor_;
};

using Transform = VectorTransform<Butterflies>;

}  // namespace

void forward_ntt(std::uint64_t* values, const TransformTables& tables) {
    if (tables.ring_dimension <= Transform::kTooShort) {
        scalar_kernels().forward_ntt(values, tables);
    } else {
        Transform(Butterflies(tables)).forward(values, tables.ring_dimension);
    }
}

void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                        const TransformTables& tables) {
    if (tables.ring_dimension <= Transform::kTooShort) {
        scalar_kernels().scaled_inverse_ntt(out, in, scalar, tables);
    } else {
        Transform(Butterflies(tables, scalar)).inverse(out, in, tables.ring_dimension);
    }
}

}  // namespace polyformer::ckks::avx2
