// The transforms for any vector instruction set, given its butterflies: two levels a pass, depth first, so that blocks
// that fit a cache stay there, and the last levels in registers. "Node" and "mirror" are explained in constants.h.
// Included by the transforms of each instruction set only.
//
// Butterflies provides kLanes, the types Vector, Factor and Pair {low, high}, and
//   root                     the factor of a node
//   forward_butterfly        (x, y) → (x + y·factor, x − y·factor), lazily
//   next_forward_butterfly   the same on what forward_butterfly() has left: every second level
//   inverse_butterfly        (x, y) → (x + y, (y − x)·factor), lazily; the factor is that of the node's mirror
//   load_input, load, store  values as the transform finds them, and as its passes leave them
//   store_last_butterfly     the last butterfly of the inverse, with the factor 1/N, stored reduced
//   store_last_levels        the last levels of the forward transform, within two vectors, stored reduced
//   load_first_levels        the same levels of the inverse transform, from reduced values
#pragma once

#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

template <class Butterflies>
class VectorTransform {
  public:
    using Vector = typename Butterflies::Vector;
    using Factor = typename Butterflies::Factor;
    using Pair = typename Butterflies::Pair;
    static constexpr std::size_t kLanes = Butterflies::kLanes;
    static constexpr std::size_t kSmallLeaf = 2 * kLanes;
    static constexpr std::size_t kLargeLeaf = 4 * kLanes;
    /// Blocks up to this length are transformed level by level: they and their roots fit the first-level cache.
    static constexpr std::size_t kCacheBlock = 2048;

    /// Transforms are longer than this: a leaf has neither a first pass nor a last one.
    static constexpr std::size_t kTooShort = kLargeLeaf;

    explicit VectorTransform(const Butterflies& butterflies) : butterflies_(butterflies) {}

    void forward(std::uint64_t* values, std::size_t ring_dimension) const {
        forward_block<true>(values, ring_dimension, 1);
    }
    void inverse(std::uint64_t* out, const std::uint64_t* in, std::size_t ring_dimension) const {
        inverse_block<true>(out, in, ring_dimension, 1);
    }

  private:
    /// All levels of the block of `length` values below `node`. kFirst: the whole transform, from its input.
    template <bool kFirst>
    void forward_block(std::uint64_t* values, std::size_t length, std::size_t node) const {
        if (length <= kCacheBlock) {
            forward_in_cache<kFirst>(values, length, node);
        } else {
            forward_pass<kFirst>(values, length / 4, node);
            for (std::size_t c = 0; c < 4; ++c) {
                forward_block<false>(values + c * (length / 4), length / 4, 4 * node + c);
            }
        }
    }

    /// All levels of the block whose node has this mirror, from `in`. kLast: the whole transform, with the factor 1/N.
    template <bool kLast>
    void inverse_block(std::uint64_t* values, const std::uint64_t* in, std::size_t length, std::size_t mirror) const {
        if (length <= kCacheBlock) {
            inverse_in_cache<kLast>(values, in, length, mirror);
        } else {
            for (std::size_t c = 0; c < 4; ++c) {
                inverse_block<false>(values + c * (length / 4), in + c * (length / 4), length / 4, 4 * mirror + 3 - c);
            }
            inverse_pass<kLast>(values, length / 4, mirror);
        }
    }

    template <bool kFirst>
    void forward_in_cache(std::uint64_t* values, std::size_t length, std::size_t node) const {
        const VectorTransform local = *this;  // in registers: the compiler sees that no store to `values` changes it
        std::size_t nodes = 1;
        if constexpr (kFirst) {
            local.forward_pass<true>(values, length / 4, node);
            length /= 4;
            nodes *= 4;
            node *= 4;
        }
        for (; length > kLargeLeaf; length /= 4, nodes *= 4, node *= 4) {
            for (std::size_t i = 0; i < nodes; ++i) {
                local.forward_pass<false>(values + i * length, length / 4, node + i);
            }
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
        const VectorTransform local = *this;
        std::size_t nodes = 1;
        std::size_t size = length;
        for (; size > kLargeLeaf; size /= 4) nodes *= 4;
        // The mirrors of a level's nodes run backwards from (mirror + 1)·nodes - 1.
        const auto mirror_of = [&](std::size_t i) { return (mirror + 1) * nodes - 1 - i; };
        if (size == kSmallLeaf) {
            for (std::size_t i = 0; i < nodes; ++i) {
                local.inverse_small_leaf(values + i * size, in + i * size, mirror_of(i));
            }
        } else {
            for (std::size_t i = 0; i < nodes; ++i) {
                local.inverse_large_leaf(values + i * size, in + i * size, mirror_of(i));
            }
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

    template <bool kFirst>
    void forward_pass(std::uint64_t* values, std::size_t quarter, std::size_t node) const {
        const Factor first = butterflies_.root(node);
        const Factor second_low = butterflies_.root(2 * node);
        const Factor second_high = butterflies_.root(2 * node + 1);
        const auto load = [](const std::uint64_t* p) {
            return kFirst ? Butterflies::load_input(p) : Butterflies::load(p);
        };
        for (std::uint64_t* p = values; p != values + quarter; p += kLanes) {
            Vector a = load(p);
            Vector b = load(p + quarter);
            Vector c = load(p + 2 * quarter);
            Vector d = load(p + 3 * quarter);
            butterflies_.forward_butterfly(a, c, first);
            butterflies_.forward_butterfly(b, d, first);
            butterflies_.next_forward_butterfly(a, b, second_low);
            butterflies_.next_forward_butterfly(c, d, second_high);
            Butterflies::store(p, a);
            Butterflies::store(p + quarter, b);
            Butterflies::store(p + 2 * quarter, c);
            Butterflies::store(p + 3 * quarter, d);
        }
    }

    template <bool kLast>
    void inverse_pass(std::uint64_t* values, std::size_t quarter, std::size_t mirror) const {
        const Factor first_low = butterflies_.root(2 * mirror + 1);
        const Factor first_high = butterflies_.root(2 * mirror);
        const Factor second = butterflies_.root(mirror);
        for (std::uint64_t* p = values; p != values + quarter; p += kLanes) {
            Vector a = Butterflies::load(p);
            Vector b = Butterflies::load(p + quarter);
            Vector c = Butterflies::load(p + 2 * quarter);
            Vector d = Butterflies::load(p + 3 * quarter);
            butterflies_.inverse_butterfly(a, b, first_low);
            butterflies_.inverse_butterfly(c, d, first_high);
            if constexpr (kLast) {
                butterflies_.store_last_butterfly(p, p + 2 * quarter, a, c);
                butterflies_.store_last_butterfly(p + quarter, p + 3 * quarter, b, d);
            } else {
                butterflies_.inverse_butterfly(a, c, second);
                butterflies_.inverse_butterfly(b, d, second);
                Butterflies::store(p, a);
                Butterflies::store(p + quarter, b);
                Butterflies::store(p + 2 * quarter, c);
                Butterflies::store(p + 3 * quarter, d);
            }
        }
    }

    void forward_small_leaf(std::uint64_t* values, std::size_t node) const {
        Pair v{Butterflies::load(values), Butterflies::load(values + kLanes)};
        butterflies_.forward_butterfly(v.low, v.high, butterflies_.root(node));
        butterflies_.store_last_levels(values, v, node);
    }

    void forward_large_leaf(std::uint64_t* values, std::size_t node) const {
        Pair left{Butterflies::load(values), Butterflies::load(values + kLanes)};
        Pair right{Butterflies::load(values + 2 * kLanes), Butterflies::load(values + 3 * kLanes)};
        const Factor first = butterflies_.root(node);
        butterflies_.forward_butterfly(left.low, right.low, first);
        butterflies_.forward_butterfly(left.high, right.high, first);
        butterflies_.next_forward_butterfly(left.low, left.high, butterflies_.root(2 * node));
        butterflies_.next_forward_butterfly(right.low, right.high, butterflies_.root(2 * node + 1));
        butterflies_.store_last_levels(values, left, 2 * node);
        butterflies_.store_last_levels(values + 2 * kLanes, right, 2 * node + 1);
    }

    void inverse_small_leaf(std::uint64_t* values, const std::uint64_t* in, std::size_t mirror) const {
        Pair v = butterflies_.load_first_levels(in, mirror);
        butterflies_.inverse_butterfly(v.low, v.high, butterflies_.root(mirror));
        Butterflies::store(values, v.low);
        Butterflies::store(values + kLanes, v.high);
    }

    void inverse_large_leaf(std::uint64_t* values, const std::uint64_t* in, std::size_t mirror) const {
        Pair left = butterflies_.load_first_levels(in, 2 * mirror + 1);
        Pair right = butterflies_.load_first_levels(in + 2 * kLanes, 2 * mirror);
        butterflies_.inverse_butterfly(left.low, left.high, butterflies_.root(2 * mirror + 1));
        butterflies_.inverse_butterfly(right.low, right.high, butterflies_.root(2 * mirror));
        const Factor last = butterflies_.root(mirror);
        butterflies_.inverse_butterfly(left.low, right.low, last);
        butterflies_.inverse_butterfly(left.high, right.high, last);
        Butterflies::store(values, left.low);
        Butterflies::store(values + kLanes, left.high);
        Butterflies::store(values + 2 * kLanes, right.low);
        Butterflies::store(values + 3 * kLanes, right.high);
    }

    Butterflies butterflies_;
};

/// The kernels that transform. Short ones are the reference's.
template <class Butterflies>
struct TransformKernels {
    using Transform = VectorTransform<Butterflies>;

    static void forward(std::uint64_t* values, const TransformTables& tables) {
        if (tables.ring_dimension <= Transform::kTooShort) {
            scalar_kernels().forward_ntt(values, tables);
        } else {
            Transform(Butterflies(tables)).forward(values, tables.ring_dimension);
        }
    }

    static void scaled_inverse(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                               const TransformTables& tables) {
        if (tables.ring_dimension <= Transform::kTooShort) {
            scalar_kernels().scaled_inverse_ntt(out, in, scalar, tables);
        } else {
            Transform(Butterflies(tables, scalar)).inverse(out, in, tables.ring_dimension);
        }
    }
};

}  // namespace polyformer::ckks
