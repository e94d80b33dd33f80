// The transforms with AVX-512 IFMA. Ranges as in the reference: forward values in [0, 4q), inverse in [0, 2q) until the
// end.
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/ntt_vector_template.h"
#include "polyformer/ckks/kernels/x86/arithmetic_avx512.h"

namespace polyformer::ckks::avx512 {

namespace {

Vector lanes(long long a, long long b, long long c, long long d, long long e, long long f, long long g, long long h) {
    return _mm512_setr_epi64(a, b, c, d, e, f, g, h);
}

class Butterflies {
  public:
    using Vector = avx512::Vector;
    using Factor = avx512::Factor;
    struct Pair {
        Vector low;
        Vector high;
    };
    static constexpr std::size_t kLanes = avx512::kLanes;

    /// The inverse multiplies by `scalar`.
    explicit Butterflies(const TransformTables& tables, std::uint64_t scalar = 1)
        : modulus_(tables.modulus),
          roots_(tables.roots),
          quotients_(tables.root_quotients),
          inverse_dimension_(scaled(tables.modulus, tables.inverse_dimension, scalar)),
          last_factor_(scaled(tables.modulus, tables.last_factor, scalar)) {}

    Factor root(std::size_t node) const { return {broadcast(roots_[node]), broadcast(quotients_[node])}; }

    static Vector load_input(const std::uint64_t* p) { return avx512::load(p); }
    static Vector load(const std::uint64_t* p) { return avx512::load(p); }
    static void store(std::uint64_t* p, Vector v) { avx512::store(p, v); }

    void forward_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector sum = reduce_once(x, modulus_.two_q);
        const Vector product = modulus_.multiply_lazy(y, factor);
        x = add(sum, product);
        y = subtract(add(sum, modulus_.two_q), product);
    }

    /// Nothing to leave out: four times a residue is all that a multiplier takes.
    void next_forward_butterfly(Vector& x, Vector& y, const Factor& factor) const { forward_butterfly(x, y, factor); }

    void inverse_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector sum = add(x, y);
        const Vector difference = subtract(add(y, modulus_.two_q), x);
        x = reduce_once(sum, modulus_.two_q);
        y = modulus_.multiply_lazy(difference, factor);
    }

    void store_last_butterfly(std::uint64_t* low, std::uint64_t* high, Vector x, Vector y) const {
        store(low, modulus_.multiply(add(x, y), inverse_dimension_));
        store(high, modulus_.multiply(subtract(add(y, modulus_.two_q), x), last_factor_));
    }

    /// Strides 4, 2 and 1 of sixteen values in natural order; stores them reduced.
    void store_last_levels(std::uint64_t* values, Pair v, std::size_t node) const {
        v = halves(v);
        forward_butterfly(v.low, v.high, roots_of_stride_4(node, lanes(0, 0, 0, 0, 1, 1, 1, 1)));
        v = interleave_pairs(v);
        forward_butterfly(v.low, v.high, roots_of_stride_2(node, lanes(0, 0, 1, 1, 2, 2, 3, 3)));
        v = unpack(v);
        forward_butterfly(v.low, v.high, roots_of_stride_1(node));
        v = regroup(v, lanes(0, 8, 1, 9, 2, 10, 3, 11), lanes(4, 12, 5, 13, 6, 14, 7, 15));
        store(values, modulus_.reduce_below_4q(v.low));
        store(values + kLanes, modulus_.reduce_below_4q(v.high));
    }

    /// Strides 1, 2 and 4 of sixteen values.
    Pair load_first_levels(const std::uint64_t* values, std::size_t mirror) const {
        Pair v{load(values), load(values + kLanes)};
        v = regroup(v, lanes(0, 2, 4, 6, 8, 10, 12, 14), lanes(1, 3, 5, 7, 9, 11, 13, 15));
        const Vector reversed = lanes(7, 6, 5, 4, 3, 2, 1, 0);
        inverse_butterfly(v.low, v.high, spread(load(quotients_ + 8 * mirror), reversed));
        v = unpack(v);
        inverse_butterfly(v.low, v.high, roots_of_stride_2(mirror, lanes(3, 3, 2, 2, 1, 1, 0, 0)));
        v = interleave_pairs(v);
        inverse_butterfly(v.low, v.high, roots_of_stride_4(mirror, lanes(1, 1, 1, 1, 0, 0, 0, 0)));
        return halves(v);
    }

  private:
    static Factor scaled(const ModulusConstants& q, const ShoupFactor& factor, std::uint64_t scalar) {
        return broadcast(shoup_factor(q, product_modulo(q, scalar, factor.value)));
    }

    /// Lanes of `low` are numbered 0 to 7 in the indices, those of `high` 8 to 15.
    static Pair regroup(const Pair& v, Vector low_index, Vector high_index) {
        return {_mm512_permutex2var_epi64(v.low, low_index, v.high),
                _mm512_permutex2var_epi64(v.low, high_index, v.high)};
    }
    /// Entries 0 1 of both quarters together, then 2 3.
    static Pair interleave_pairs(const Pair& v) {
        return regroup(v, lanes(0, 1, 8, 9, 4, 5, 12, 13), lanes(2, 3, 10, 11, 6, 7, 14, 15));
    }
    static Pair unpack(const Pair& v) {
        return {_mm512_unpacklo_epi64(v.low, v.high), _mm512_unpackhi_epi64(v.low, v.high)};
    }
    static Pair halves(const Pair& v) {
        return {_mm512_shuffle_i64x2(v.low, v.high, 0x44), _mm512_shuffle_i64x2(v.low, v.high, 0xEE)};
    }

    // The roots of the levels inside a leaf of sixteen. Reading their quotients alone halves the memory traffic.
    Factor roots_of_stride_4(std::size_t node, Vector order) const {
        return spread(_mm512_castsi128_si512(_mm_loadu_si128(reinterpret_cast<const __m128i*>(quotients_ + 2 * node))),
                      order);
    }
    Factor roots_of_stride_2(std::size_t node, Vector order) const {
        return spread(
            _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(quotients_ + 4 * node))), order);
    }
    Factor roots_of_stride_1(std::size_t node) const {
        return modulus_.factor_of_quotient(load(quotients_ + 8 * node));
    }
    Factor spread(Vector quotients, Vector order) const {
        return modulus_.factor_of_quotient(_mm512_permutexvar_epi64(order, quotients));
    }

    VectorModulus modulus_;
    const std::uint64_t* roots_;
    const std::uint64_t* quotients_;
    Factor inverse_dimension_;
    Factor last_factor_;
};

using Transforms = TransformKernels<Butterflies>;

}  // namespace

void forward_ntt(std::uint64_t* values, const TransformTables& tables) {
    Transforms::forward(values, tables);
}

void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                        const TransformTables& tables) {
    Transforms::scaled_inverse(out, in, scalar, tables);
}

}  // namespace polyformer::ckks::avx512
