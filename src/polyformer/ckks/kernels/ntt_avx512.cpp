// The transforms with AVX-512 IFMA: two levels of butterflies a pass, depth first, so that blocks that fit a cache stay
// there, and the last four or five levels in registers. Ranges as in the reference: forward values in [0, 4q), inverse
// in [0, 2q) until the end. "Node" and "mirror" are explained in ntt.h.
#include "polyformer/ckks/kernels/arithmetic_avx512.h"
#include "polyformer/ckks/kernels/kernels_vector.h"

namespace polyformer::ckks::avx512 {

namespace {

constexpr std::size_t kSmallLeaf = 16;
constexpr std::size_t kLargeLeaf = 32;
/// Blocks up to this length are transformed level by level: they and their roots fit the first-level cache.
constexpr std::size_t kCacheBlock = 2048;

Vector lanes(long long a, long long b, long long c, long long d, long long e, long long f, long long g, long long h) {
    return _mm512_setr_epi64(a, b, c, d, e, f, g, h);
}

struct Pair {
    Vector low;
    Vector high;
};

/// Lanes of `low` are numbered 0 to 7 in the indices, those of `high` 8 to 15.
Pair regroup(const Pair& v, Vector low_index, Vector high_index) {
    return {_mm512_permutex2var_epi64(v.low, low_index, v.high), _mm512_permutex2var_epi64(v.low, high_index, v.high)};
}

/// Entries 0 1 of both quarters together, then 2 3.
Pair interleave_pairs(const Pair& v) {
    return regroup(v, lanes(0, 1, 8, 9, 4, 5, 12, 13), lanes(2, 3, 10, 11, 6, 7, 14, 15));
}
Pair unpack(const Pair& v) {
    return {_mm512_unpacklo_epi64(v.low, v.high), _mm512_unpackhi_epi64(v.low, v.high)};
}
Pair halves(const Pair& v) {
    return {_mm512_shuffle_i64x2(v.low, v.high, 0x44), _mm512_shuffle_i64x2(v.low, v.high, 0xEE)};
}

class Transform {
  public:
    /// The inverse multiplies by `scalar`.
    explicit Transform(const NttTables& tables, std::uint64_t scalar = 1)
        : modulus_(tables.modulus()),
          roots_(tables.roots()),
          quotients_(tables.root_quotients()),
          inverse_dimension_(scaled(tables, tables.inverse_dimension(), scalar)),
          last_factor_(scaled(tables, tables.last_factor(), scalar)) {}

    /// All levels of the block of `length` values below `node`.
    void forward(std::uint64_t* values, std::size_t length, std::size_t node) const {
        if (length <= kCacheBlock) {
            forward_in_cache(values, length, node);
        } else {
            forward_pass(values, length / 4, node);
            for (std::size_t c = 0; c < 4; ++c) forward(values + c * (length / 4), length / 4, 4 * node + c);
        }
    }

    /// All levels of the block whose node has this mirror, from `in`. kLast: the whole transform, with the factor 1/N.
    template <bool kLast>
    void inverse(std::uint64_t* values, const std::uint64_t* in, std::size_t length, std::size_t mirror) const {
        if (length <= kCacheBlock) {
            inverse_in_cache<kLast>(values, in, length, mirror);
        } else {
            for (std::size_t c = 0; c < 4; ++c) {
                inverse<false>(values + c * (length / 4), in + c * (length / 4), length / 4, 4 * mirror + 3 - c);
            }
            inverse_pass<kLast>(values, length / 4, mirror);
        }
    }

  private:
    static Factor scaled(const NttTables& tables, const ShoupFactor& factor, std::uint64_t scalar) {
        return broadcast(tables.modulus().shoup(tables.modulus().multiply(scalar, factor)));
    }

    Factor root(std::size_t node) const { return {broadcast(roots_[node]), broadcast(quotients_[node])}; }

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

    void forward_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector sum = reduce_once(x, modulus_.two_q);
        const Vector product = modulus_.multiply_lazy(y, factor);
        x = add(sum, product);
        y = subtract(add(sum, modulus_.two_q), product);
    }

    void inverse_butterfly(Vector& x, Vector& y, const Factor& factor) const {
        const Vector sum = add(x, y);
        const Vector difference = subtract(add(y, modulus_.two_q), x);
        x = reduce_once(sum, modulus_.two_q);
        y = modulus_.multiply_lazy(difference, factor);
    }

    void last_butterfly(Vector& x, Vector& y) const {
        const Vector sum = add(x, y);
        const Vector difference = subtract(add(y, modulus_.two_q), x);
        x = modulus_.multiply(sum, inverse_dimension_);
        y = modulus_.multiply(difference, last_factor_);
    }

    void forward_pass(std::uint64_t* values, std::size_t quarter, std::size_t node) const {
        const Factor first = root(node);
        const Factor second_low = root(2 * node);
        const Factor second_high = root(2 * node + 1);
        for (std::uint64_t* p = values; p != values + quarter; p += kLanes) {
            Vector a = load(p);
            Vector b = load(p + quarter);
            Vector c = load(p + 2 * quarter);
            Vector d = load(p + 3 * quarter);
            forward_butterfly(a, c, first);
            forward_butterfly(b, d, first);
            forward_butterfly(a, b, second_low);
            forward_butterfly(c, d, second_high);
            store(p, a);
            store(p + quarter, b);
            store(p + 2 * quarter, c);
            store(p + 3 * quarter, d);
        }
    }

    template <bool kLast>
    void inverse_pass(std::uint64_t* values, std::size_t quarter, std::size_t mirror) const {
        const Factor first_low = root(2 * mirror + 1);
        const Factor first_high = root(2 * mirror);
        const Factor second = root(mirror);
        for (std::uint64_t* p = values; p != values + quarter; p += kLanes) {
            Vector a = load(p);
            Vector b = load(p + quarter);
            Vector c = load(p + 2 * quarter);
            Vector d = load(p + 3 * quarter);
            inverse_butterfly(a, b, first_low);
            inverse_butterfly(c, d, first_high);
            if constexpr (kLast) {
                last_butterfly(a, c);
                last_butterfly(b, d);
            } else {
                inverse_butterfly(a, c, second);
                inverse_butterfly(b, d, second);
            }
            store(p, a);
            store(p + quarter, b);
            store(p + 2 * quarter, c);
            store(p + 3 * quarter, d);
        }
    }

    void forward_in_cache(std::uint64_t* values, std::size_t length, std::size_t node) const {
        const Transform local = *this;  // in registers: the compiler sees that no store to `values` changes it
        std::size_t nodes = 1;
        for (; length > kLargeLeaf; length /= 4, nodes *= 4, node *= 4) {
            for (std::size_t i = 0; i < nodes; ++i) local.forward_pass(values + i * length, length / 4, node + i);
        }
        if (length == kSmallLeaf) {
            for (std::size_t i = 0; i < nodes; ++i) local.forward_small_leaf(values + i * length, node + i);
        } else {
            for (std::size_t i = 0; i < nodes; ++i) local.forward_large_leaf(values + i * length, node + i);
        }
    }

    template <bool kLast>
    void inverse_in_cache(std::uint64_t* values, const std::uint64_t* in, std::size_t length,
                          std::size_t mirror) const {
        const Transform local = *this;
        std::size_t nodes = 1;
        std::size_t size = length;
        for (; size > kLargeLeaf; size /= 4) nodes *= 4;
        // The mirrors of a level's nodes run backwards from (mirror + 1)·nodes - 1.
        const auto mirror_of = [&](std::size_t i) { return (mirror + 1) * nodes - 1 - i; };
        if (size == kSmallLeaf) {
            for (std::size_t i = 0; i < nodes; ++i)
                local.inverse_small_leaf(values + i * size, in + i * size, mirror_of(i));
        } else {
            for (std::size_t i = 0; i < nodes; ++i)
                local.inverse_large_leaf(values + i * size, in + i * size, mirror_of(i));
        }
        while (nodes > 4) {
            nodes /= 4;
            size *= 4;
            for (std::size_t i = 0; i < nodes; ++i) {
                local.inverse_pass<false>(values + i * size, size / 4, mirror_of(i));
            }
        }
        local.inverse_pass<kLast>(values, length / 4, mirror);
    }

    void forward_small_leaf(std::uint64_t* values, std::size_t node) const {
        Pair v{load(values), load(values + kLanes)};
        forward_butterfly(v.low, v.high, root(node));
        forward_last_three(values, v, node);
    }

    void forward_large_leaf(std::uint64_t* values, std::size_t node) const {
        Pair left{load(values), load(values + kLanes)};
        Pair right{load(values + 2 * kLanes), load(values + 3 * kLanes)};
        const Factor first = root(node);
        forward_butterfly(left.low, right.low, first);
        forward_butterfly(left.high, right.high, first);
        forward_butterfly(left.low, left.high, root(2 * node));
        forward_butterfly(right.low, right.high, root(2 * node + 1));
        forward_last_three(values, left, 2 * node);
        forward_last_three(values + 2 * kLanes, right, 2 * node + 1);
    }

    /// Strides 4, 2 and 1 of sixteen values in natural order; stores them reduced.
    void forward_last_three(std::uint64_t* values, Pair v, std::size_t node) const {
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
    Pair inverse_first_three(const std::uint64_t* values, std::size_t mirror) const {
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

    void inverse_small_leaf(std::uint64_t* values, const std::uint64_t* in, std::size_t mirror) const {
        Pair v = inverse_first_three(in, mirror);
        inverse_butterfly(v.low, v.high, root(mirror));
        store(values, v.low);
        store(values + kLanes, v.high);
    }

    void inverse_large_leaf(std::uint64_t* values, const std::uint64_t* in, std::size_t mirror) const {
        Pair left = inverse_first_three(in, 2 * mirror + 1);
        Pair right = inverse_first_three(in + 2 * kLanes, 2 * mirror);
        inverse_butterfly(left.low, left.high, root(2 * mirror + 1));
        inverse_butterfly(right.low, right.high, root(2 * mirror));
        const Factor last = root(mirror);
        inverse_butterfly(left.low, right.low, last);
        inverse_butterfly(left.high, right.high, last);
        store(values, left.low);
        store(values + kLanes, left.high);
        store(values + 2 * kLanes, right.low);
        store(values + 3 * kLanes, right.high);
    }

    VectorModulus modulus_;
    const std::uint64_t* roots_;
    const std::uint64_t* quotients_;
    Factor inverse_dimension_;
    Factor last_factor_;
};

}  // namespace

void forward_ntt(std::uint64_t* values, const NttTables& tables) {
    Transform(tables).forward(values, tables.ring_dimension(), 1);
}

void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar, const NttTables& tables) {
    if (tables.ring_dimension() <= kLargeLeaf) {  // a leaf has no factor 1/N
        scalar_kernels().scaled_inverse_ntt(out, in, scalar, tables);
    } else {
        Transform(tables, scalar).inverse<true>(out, in, tables.ring_dimension(), 1);
    }
}

}  // namespace polyformer::ckks::avx512
