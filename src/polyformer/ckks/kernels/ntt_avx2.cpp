// The transforms with AVX2 and FMA, built like those in ntt_avx512.cpp. Between the first and the last pass the values
// are doubles of either sign in place of the integers: forward at most 1.6·q in size, inverse at most 2·q.
#include "polyformer/ckks/kernels/arithmetic_avx2.h"
#include "polyformer/ckks/kernels/kernels_vector.h"

namespace polyformer::ckks::avx2 {

namespace {

constexpr std::size_t kSmallLeaf = 8;
constexpr std::size_t kLargeLeaf = 16;

/// What a pass finds in memory, and what it leaves there.
enum class Format { integers, doubles };

template <Format kFormat>
Vector load_as(const std::uint64_t* p) {
    if constexpr (kFormat == Format::integers) return load(p);
    return _mm256_loadu_pd(reinterpret_cast<const double*>(p));
}

void store_double(std::uint64_t* p, Vector v) {
    _mm256_storeu_pd(reinterpret_cast<double*>(p), v);
}

struct Pair {
    Vector low;
    Vector high;
};

Pair halves(const Pair& v) {
    return {_mm256_permute2f128_pd(v.low, v.high, 0x20), _mm256_permute2f128_pd(v.low, v.high, 0x31)};
}
Pair unpack(const Pair& v) {
    return {_mm256_unpacklo_pd(v.low, v.high), _mm256_unpackhi_pd(v.low, v.high)};
}

class Transform {
  public:
    /// The inverse multiplies by `scalar`.
    explicit Transform(const NttTables& tables, std::uint64_t scalar = 1)
        : modulus_(tables.modulus()),
          roots_(tables.roots()),
          inverse_dimension_(modulus_.factor(tables.modulus().multiply(scalar, tables.inverse_dimension()))),
          last_factor_(modulus_.factor(tables.modulus().multiply(scalar, tables.last_factor()))) {}

    /// All levels of the block of `length` values below `node`.
    template <Format kInput>
    void forward(std::uint64_t* values, std::size_t length, std::size_t node) const {
        if (length == kSmallLeaf) {
            forward_small_leaf(values, node);
        } else if (length == kLargeLeaf) {
            forward_large_leaf(values, node);
        } else {
            forward_pass<kInput>(values, length / 4, node);
            for (std::size_t c = 0; c < 4; ++c) {
                forward<Format::doubles>(values + c * (length / 4), length / 4, 4 * node + c);
            }
        }
    }

    /// All levels of the block whose node has this mirror, from `in`. kLast: the whole transform, with the factor 1/N.
    template <bool kLast>
    void inverse(std::uint64_t* values, const std::uint64_t* in, std::size_t length, std::size_t mirror) const {
        if (length == kSmallLeaf) {
            inverse_small_leaf(values, in, mirror);
        } else if (length == kLargeLeaf) {
            inverse_large_leaf(values, in, mirror);
        } else {
            for (std::size_t c = 0; c < 4; ++c) {
                inverse<false>(values + c * (length / 4), in + c * (length / 4), length / 4, 4 * mirror + 3 - c);
            }
            inverse_pass<kLast>(values, length / 4, mirror);
        }
    }

  private:
    Factor root(std::size_t node) const { return modulus_.factor(roots_[node]); }

    /// The roots of the two nodes from `node`, twice each, and of the four nodes from it.
    Vector two_roots(std::size_t node) const {
        const Vector both = _mm256_castpd128_pd256(_mm_loadu_pd(reinterpret_cast<const double*>(roots_ + node)));
        return from_integers(_mm256_castpd_si256(_mm256_permute4x64_pd(both, 0b01'01'00'00)));
    }
    Vector four_roots(std::size_t node) const { return load(roots_ + node); }
    static Vector reversed(Vector v) { return _mm256_permute4x64_pd(v, 0b00'01'10'11); }

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

    template <Format kInput>
    void forward_pass(std::uint64_t* values, std::size_t quarter, std::size_t node) const {
        const Factor first = root(node);
        const Factor second_low = root(2 * node);
        const Factor second_high = root(2 * node + 1);
        for (std::uint64_t* p = values; p != values + quarter; p += kLanes) {
            Vector a = load_as<kInput>(p);
            Vector b = load_as<kInput>(p + quarter);
            Vector c = load_as<kInput>(p + 2 * quarter);
            Vector d = load_as<kInput>(p + 3 * quarter);
            forward_butterfly(a, c, first);
            forward_butterfly(b, d, first);
            forward_butterfly(a, b, second_low);
            forward_butterfly(c, d, second_high);
            store_double(p, a);
            store_double(p + quarter, b);
            store_double(p + 2 * quarter, c);
            store_double(p + 3 * quarter, d);
        }
    }

    template <bool kLast>
    void inverse_pass(std::uint64_t* values, std::size_t quarter, std::size_t mirror) const {
        const Factor first_low = root(2 * mirror + 1);
        const Factor first_high = root(2 * mirror);
        const Factor second = root(mirror);
        for (std::uint64_t* p = values; p != values + quarter; p += kLanes) {
            Vector a = load_as<Format::doubles>(p);
            Vector b = load_as<Format::doubles>(p + quarter);
            Vector c = load_as<Format::doubles>(p + 2 * quarter);
            Vector d = load_as<Format::doubles>(p + 3 * quarter);
            inverse_butterfly(a, b, first_low);
            inverse_butterfly(c, d, first_high);
            if constexpr (kLast) {
                store_last_butterfly(p, p + 2 * quarter, a, c);
                store_last_butterfly(p + quarter, p + 3 * quarter, b, d);
            } else {
                inverse_butterfly(a, c, second);
                inverse_butterfly(b, d, second);
                store_double(p, a);
                store_double(p + quarter, b);
                store_double(p + 2 * quarter, c);
                store_double(p + 3 * quarter, d);
            }
        }
    }

    void store_last_butterfly(std::uint64_t* low, std::uint64_t* high, Vector x, Vector y) const {
        store(low, modulus_.reduce(modulus_.multiply_lazy(_mm256_add_pd(x, y), inverse_dimension_)));
        store(high, modulus_.reduce(modulus_.multiply_lazy(_mm256_sub_pd(y, x), last_factor_)));
    }

    void forward_small_leaf(std::uint64_t* values, std::size_t node) const {
        Pair v{load_as<Format::doubles>(values), load_as<Format::doubles>(values + kLanes)};
        forward_butterfly(v.low, v.high, root(node));
        forward_last_two(values, v, node);
    }

    void forward_large_leaf(std::uint64_t* values, std::size_t node) const {
        Pair left{load_as<Format::doubles>(values), load_as<Format::doubles>(values + kLanes)};
        Pair right{load_as<Format::doubles>(values + 2 * kLanes), load_as<Format::doubles>(values + 3 * kLanes)};
        const Factor first = root(node);
        forward_butterfly(left.low, right.low, first);
        forward_butterfly(left.high, right.high, first);
        forward_butterfly(left.low, left.high, root(2 * node));
        forward_butterfly(right.low, right.high, root(2 * node + 1));
        forward_last_two(values, left, 2 * node);
        forward_last_two(values + 2 * kLanes, right, 2 * node + 1);
    }

    /// Strides 2 and 1 of eight values in natural order; stores them as integers.
    void forward_last_two(std::uint64_t* values, Pair v, std::size_t node) const {
        v = halves(v);
        forward_butterfly(v.low, v.high, modulus_.factor(two_roots(2 * node)));
        v = unpack(v);
        forward_butterfly(v.low, v.high, modulus_.factor(four_roots(4 * node)));
        v = halves(unpack(v));
        store(values, modulus_.reduce(v.low));
        store(values + kLanes, modulus_.reduce(v.high));
    }

    /// Strides 1 and 2 of eight integers.
    Pair inverse_first_two(const std::uint64_t* values, std::size_t mirror) const {
        Pair v{load(values), load(values + kLanes)};
        v = unpack(halves(v));
        inverse_butterfly(v.low, v.high, modulus_.factor(reversed(four_roots(4 * mirror))));
        v = unpack(v);
        inverse_butterfly(v.low, v.high, modulus_.factor(reversed(two_roots(2 * mirror))));
        return halves(v);
    }

    void inverse_small_leaf(std::uint64_t* values, const std::uint64_t* in, std::size_t mirror) const {
        Pair v = inverse_first_two(in, mirror);
        inverse_butterfly(v.low, v.high, root(mirror));
        store_double(values, v.low);
        store_double(values + kLanes, v.high);
    }

    void inverse_large_leaf(std::uint64_t* values, const std::uint64_t* in, std::size_t mirror) const {
        Pair left = inverse_first_two(in, 2 * mirror + 1);
        Pair right = inverse_first_two(in + 2 * kLanes, 2 * mirror);
        inverse_butterfly(left.low, left.high, root(2 * mirror + 1));
        inverse_butterfly(right.low, right.high, root(2 * mirror));
        const Factor last = root(mirror);
        inverse_butterfly(left.low, right.low, last);
        inverse_butterfly(left.high, right.high, last);
        store_double(values, left.low);
        store_double(values + kLanes, left.high);
        store_double(values + 2 * kLanes, right.low);
        store_double(values + 3 * kLanes, right.high);
    }

    VectorModulus modulus_;
    const std::uint64_t* roots_;
    Factor inverse_dimension_;
    Factor last_factor_;
};

}  // namespace

void forward_ntt(std::uint64_t* values, const NttTables& tables) {
    if (tables.ring_dimension() <= kLargeLeaf) {  // a leaf takes doubles
        scalar_kernels().forward_ntt(values, tables);
    } else {
        Transform(tables).forward<Format::integers>(values, tables.ring_dimension(), 1);
    }
}

void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar, const NttTables& tables) {
    if (tables.ring_dimension() <= kLargeLeaf) {  // a leaf has no factor 1/N
        scalar_kernels().scaled_inverse_ntt(out, in, scalar, tables);
    } else {
        Transform(tables, scalar).inverse<true>(out, in, tables.ring_dimension(), 1);
    }
}

}  // namespace polyformer::ckks::avx2
