// The kernels on whole limbs for any vector instruction set, given its arithmetic on a few residues at a time.
// Included by kernels_avx512.cpp and kernels_avx2.cpp only.
//
// Arithmetic provides kLanes, load, store, load_partial, store_partial, broadcast, store_permuted (of a block of eight
// entries), and the classes
//   VectorModulus       sums and products of residues modulo q
//   CenteredReduction   residues modulo one number to residues modulo another
//   LazySum             a sum of up to kMaxTerms products of numbers below 2^50
//   RoundedQuotient     a sum of products by real numbers, rounded
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

template <class Arithmetic>
struct VectorKernels {
    using Vector = typename Arithmetic::Vector;
    using VectorModulus = typename Arithmetic::VectorModulus;
    using LazySum = typename Arithmetic::LazySum;
    static constexpr std::size_t kLanes = Arithmetic::kLanes;
    static constexpr std::size_t kIndexBlock = 8;  // permutations take blocks of this length to such blocks

    /// kLanes entries of a limb.
    struct FullBlock {
        std::size_t begin;

        Vector load(const std::uint64_t* limb) const { return Arithmetic::load(limb + begin); }
        void store(std::uint64_t* limb, Vector v) const { Arithmetic::store(limb + begin, v); }
    };

    /// Fewer entries, at the end of a limb; the other lanes read as zero and are not written.
    struct PartialBlock {
        std::size_t begin;
        std::size_t length;

        Vector load(const std::uint64_t* limb) const { return Arithmetic::load_partial(limb + begin, length); }
        void store(std::uint64_t* limb, Vector v) const { Arithmetic::store_partial(limb + begin, length, v); }
    };

    /// Calls body(block) for all blocks of n entries.
    template <class Body>
    static void for_each_block(std::size_t n, const Body& body) {
        std::size_t i = 0;
        for (; i + kLanes <= n; i += kLanes) body(FullBlock{i});
        if (i < n) body(PartialBlock{i, n - i});
    }

    static void add(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                    const ModulusConstants& q) {
        const VectorModulus m(q);
        for_each_block(n, [&](const auto& at) { at.store(out, m.add(at.load(a), at.load(b))); });
    }

    static void subtract(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                         const ModulusConstants& q) {
        const VectorModulus m(q);
        for_each_block(n, [&](const auto& at) { at.store(out, m.subtract(at.load(a), at.load(b))); });
    }

    static void negate(std::uint64_t* out, const std::uint64_t* a, std::size_t n, const ModulusConstants& q) {
        const VectorModulus m(q);
        const Vector zero = Arithmetic::broadcast(0);
        for_each_block(n, [&](const auto& at) { at.store(out, m.subtract(zero, at.load(a))); });
    }

    static void multiply(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                         const ModulusConstants& q) {
        const VectorModulus m(q);
        for_each_block(n, [&](const auto& at) { at.store(out, m.multiply(at.load(a), at.load(b))); });
    }

    static void add_scalar(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                           const ModulusConstants& q) {
        const VectorModulus m(q);
        const Vector summand = Arithmetic::broadcast(scalar);
        for_each_block(n, [&](const auto& at) { at.store(out, m.add(at.load(a), summand)); });
    }

    static void multiply_scalar(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                                const ModulusConstants& q) {
        const VectorModulus m(q);
        const auto factor = m.factor(shoup_factor(q, scalar));
        for_each_block(n, [&](const auto& at) { at.store(out, m.multiply(at.load(a), factor)); });
    }

    static void multiply_scalar_add(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                                    const ModulusConstants& q) {
        const VectorModulus m(q);
        const auto factor = m.factor(shoup_factor(q, scalar));
        for_each_block(n, [&](const auto& at) { at.store(out, m.add(at.load(out), m.multiply(at.load(a), factor))); });
    }

    static void subtract_multiply_scalar(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                         std::uint64_t scalar, std::size_t n, const ModulusConstants& q) {
        const VectorModulus m(q);
        const auto factor = m.factor(shoup_factor(q, scalar));
        for_each_block(n,
                       [&](const auto& at) { at.store(out, m.multiply(m.subtract(at.load(a), at.load(b)), factor)); });
    }

    static void subtract_multiply_add(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                      std::uint64_t scalar, const std::uint64_t* c, std::uint64_t weight,
                                      const std::uint32_t* index, std::size_t n, const ModulusConstants& q) {
        const VectorModulus m(q);
        const auto factor = m.factor(shoup_factor(q, scalar));
        const auto weight_factor = m.factor(shoup_factor(q, weight));
        const auto difference = [&](const auto& at) { return m.multiply(m.subtract(at.load(a), at.load(b)), factor); };
        if (c == nullptr) {
            write_permuted(out, index, n, difference);
        } else if (weight == 1) {
            write_permuted(out, index, n, [&](const auto& at) { return m.add(difference(at), at.load(c)); });
        } else {
            write_permuted(out, index, n, [&](const auto& at) {
                return m.add(difference(at), m.multiply(at.load(c), weight_factor));
            });
        }
    }

    /// out[i] = the entry index[i] of what value_at(block) gives, or the entry i without an index.
    template <class ValueAt>
    static void write_permuted(std::uint64_t* out, const std::uint32_t* index, std::size_t n, const ValueAt& value_at) {
        if (index == nullptr) {
            for_each_block(n, [&](const auto& at) { at.store(out, value_at(at)); });
            return;
        }
        constexpr std::size_t kVectors = kIndexBlock / kLanes;
        for (std::size_t i = 0; i < n; i += kIndexBlock) {
            const std::size_t source = index[i] & ~std::uint32_t{kIndexBlock - 1};
            Vector values[kVectors];
            for (std::size_t v = 0; v < kVectors; ++v) values[v] = value_at(FullBlock{source + v * kLanes});
            Arithmetic::store_permuted(out + i, values, index + i);
        }
    }

    static void reduce_centered(std::uint64_t* out, const std::uint64_t* in, const ModulusConstants& from,
                                const ModulusConstants& to, std::size_t n) {
        const typename Arithmetic::CenteredReduction reduction(from, to);
        for_each_block(n, [&](const auto& at) { at.store(out, reduction(at.load(in))); });
    }

    static void rounded_quotients(std::uint64_t* out, const std::uint64_t* const* a, const double* reciprocals,
                                  std::size_t count, std::size_t n) {
        for_each_block(n, [&](const auto& at) {
            typename Arithmetic::RoundedQuotient quotient;
            for (std::size_t k = 0; k < count; ++k) quotient.add_product(at.load(a[k]), reciprocals[k]);
            at.store(out, quotient.rounded());
        });
    }

    /// Inner products of a few blocks at a time: independent sums hide the latency of a multiply-add.
    template <class Block, std::size_t kVectors>
    static void inner_product_tile(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b,
                                   std::size_t count, const std::array<Block, kVectors>& at, const VectorModulus& m,
                                   bool accumulate) {
        LazySum sums[kVectors];
        for (std::size_t k = 0; k < count; ++k) {
            for (std::size_t v = 0; v < kVectors; ++v) sums[v].add_product(at[v].load(a[k]), at[v].load(b[k]));
        }
        for (std::size_t v = 0; v < kVectors; ++v) {
            const Vector sum = m.reduce(sums[v], count);
            at[v].store(out, accumulate ? m.add(sum, at[v].load(out)) : sum);
        }
    }

    static void inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b,
                              std::size_t count, std::size_t n, const ModulusConstants& q, bool accumulate) {
        if (count > LazySum::kMaxTerms) {
            inner_product(out, a, b, LazySum::kMaxTerms, n, q, accumulate);
            inner_product(out, a + LazySum::kMaxTerms, b + LazySum::kMaxTerms, count - LazySum::kMaxTerms, n, q, true);
            return;
        }
        const VectorModulus m(q);
        for_each_tile<4>(0, n, [&](const auto& at) { inner_product_tile(out, a, b, count, at, m, accumulate); });
    }

    /// Calls body(array of blocks) for entries [begin, end), kVectors blocks at a time as long as there are so many.
    template <std::size_t kVectors, class Body>
    static void for_each_tile(std::size_t begin, std::size_t end, const Body& body) {
        std::size_t i = begin;
        for (; i + kVectors * kLanes <= end; i += kVectors * kLanes) {
            std::array<FullBlock, kVectors> at;
            for (std::size_t v = 0; v < kVectors; ++v) at[v] = FullBlock{i + v * kLanes};
            body(at);
        }
        for (; i + kLanes <= end; i += kLanes) body(std::array<FullBlock, 1>{FullBlock{i}});
        if (i < end) body(std::array<PartialBlock, 1>{PartialBlock{i, end - i}});
    }

    /// What weighted_sums() computes, without the sizes of the tile at hand.
    struct WeightedSums {
        VectorModulus modulus;
        std::uint64_t* const* out;
        const std::uint64_t* const* a;
        const std::uint64_t* const* weights;
        std::size_t count;
        bool accumulate;

        /// Some blocks, all within the run numbered `run_index`, of outputs [output, output + kOutputs).
        template <std::size_t kOutputs, class Block, std::size_t kVectors>
        void tile(std::size_t output, const std::array<Block, kVectors>& at, std::size_t run_index) const {
            LazySum sums[kOutputs][kVectors];
            for (std::size_t k = 0; k < count; ++k) {
                Vector source[kVectors];
                for (std::size_t v = 0; v < kVectors; ++v) source[v] = at[v].load(a[k]);
                for (std::size_t g = 0; g < kOutputs; ++g) {
                    const Vector weight = Arithmetic::broadcast(weights[(output + g) * count + k][run_index]);
                    for (std::size_t v = 0; v < kVectors; ++v) sums[g][v].add_product(source[v], weight);
                }
            }
            for (std::size_t g = 0; g < kOutputs; ++g) {
                std::uint64_t* limb = out[output + g];
                for (std::size_t v = 0; v < kVectors; ++v) {
                    const Vector sum = modulus.reduce(sums[g][v], count);
                    at[v].store(limb, accumulate ? modulus.add(sum, at[v].load(limb)) : sum);
                }
            }
        }
    };

    static void weighted_sums(std::uint64_t* const* out, std::size_t outputs, const std::uint64_t* const* a,
                              const std::uint64_t* const* weights, std::size_t count, std::size_t n, std::size_t run,
                              const ModulusConstants& q, bool accumulate) {
        constexpr std::size_t kOutputs = Arithmetic::kOutputsPerTile;
        constexpr std::size_t kStrip = 128;  // entries of all sources that stay in the nearest cache between outputs
        if (run < kLanes || count > LazySum::kMaxTerms) {
            scalar_kernels().weighted_sums(out, outputs, a, weights, count, n, run, q, accumulate);
            return;
        }
        const WeightedSums sums{VectorModulus(q), out, a, weights, count, accumulate};
        const std::size_t strip = run < kStrip ? run : kStrip;
        for (std::size_t begin = 0; begin < n; begin += strip) {
            const std::size_t end = begin + strip < n ? begin + strip : n;
            const std::size_t run_index = begin / run;
            std::size_t g = 0;
            for (; g + kOutputs <= outputs; g += kOutputs) {
                for_each_tile<2>(begin, end, [&](const auto& at) { sums.template tile<kOutputs>(g, at, run_index); });
            }
            for (; g < outputs; ++g) {
                for_each_tile<4>(begin, end, [&](const auto& at) { sums.template tile<1>(g, at, run_index); });
            }
        }
    }
};

/// The table of these kernels; those that are given are written for each instruction set.
template <class Arithmetic>
constexpr Kernels vector_kernels(const char* name, decltype(Kernels::forward_ntt) forward_ntt,
                                 decltype(Kernels::scaled_inverse_ntt) scaled_inverse_ntt,
                                 decltype(Kernels::permute) permute,
                                 decltype(Kernels::uniform_residues) uniform_residues, decltype(Kernels::unpack) unpack,
                                 decltype(Kernels::packed_inner_product) packed_inner_product) {
    using Implementation = VectorKernels<Arithmetic>;
    return {
        .name = name,
        .forward_ntt = forward_ntt,
        .scaled_inverse_ntt = scaled_inverse_ntt,
        .add = Implementation::add,
        .subtract = Implementation::subtract,
        .negate = Implementation::negate,
        .multiply = Implementation::multiply,
        .add_scalar = Implementation::add_scalar,
        .multiply_scalar = Implementation::multiply_scalar,
        .multiply_scalar_add = Implementation::multiply_scalar_add,
        .subtract_multiply_scalar = Implementation::subtract_multiply_scalar,
        .subtract_multiply_add = Implementation::subtract_multiply_add,
        .inner_product = Implementation::inner_product,
        .weighted_sums = Implementation::weighted_sums,
        .permute = permute,
        .reduce_centered = Implementation::reduce_centered,
        .rounded_quotients = Implementation::rounded_quotients,
        .uniform_residues = uniform_residues,
        .unpack = unpack,
        .packed_inner_product = packed_inner_product,
    };
}

}  // namespace polyformer::ckks
