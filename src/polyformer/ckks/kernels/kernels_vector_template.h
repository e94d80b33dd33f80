// The kernels on whole limbs for any vector instruction set, given its arithmetic on a few residues at a time.
// Included by the kernels of each instruction set only.
//
// Arithmetic provides kLanes, load, store, load_partial, store_partial, store_permuted (of a block of eight entries),
// weight (a residue as what broadcast takes), broadcast, kPreparesWeights (whether weight() is worth doing once for
// many products), and the classes
//   VectorModulus       sums and products of residues modulo q
//   CenteredReduction   residues modulo one number to residues modulo another
//   LazySum             a sum of up to kMaxTerms products of numbers below 2^50; condense() makes room for as
//                       many again
//   RoundedQuotient     a sum of products by real numbers, rounded
//   Unpacking           eight packed numbers to 8 / kLanes vectors of Integers, which store_integers() writes and
//                       from_integers() turns, where they are below 2^52, into what computations take
#pragma once

#include <cstddef>
#include <cstdint>

#include "polyformer/ckks/kernels/blocks_vector_template.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/kernels/sums_vector_template.h"

namespace polyformer::ckks {

/// All kernels but those that are written for each instruction set.
template <class Arithmetic>
struct VectorKernels : VectorSums<Arithmetic> {
    using Blocks = VectorBlocks<Arithmetic>;
    using Blocks::for_each_block;
    using Blocks::kIndexBlock;
    using Blocks::kLanes;
    using Blocks::kVectorsPerBlock;
    using typename Blocks::FullBlock;
    using typename Blocks::Vector;
    using VectorModulus = typename Arithmetic::VectorModulus;

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
        const Vector zero = Arithmetic::broadcast(Arithmetic::weight(0));
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
        const Vector summand = Arithmetic::broadcast(Arithmetic::weight(scalar));
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
        for_each_block(
            n, [&](const auto& at) { at.store(out, m.add_lazy(at.load(out), m.multiply_lazy(at.load(a), factor))); });
    }

    static void subtract_multiply_scalar(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                         std::uint64_t scalar, std::size_t n, const ModulusConstants& q) {
        const VectorModulus m(q);
        const auto factor = m.factor(shoup_factor(q, scalar));
        for_each_block(
            n, [&](const auto& at) { at.store(out, m.multiply(m.difference(at.load(a), at.load(b)), factor)); });
    }

    static void subtract_multiply_add(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                      std::uint64_t scalar, const std::uint64_t* c, std::uint64_t weight,
                                      const std::uint32_t* index, std::size_t n, const ModulusConstants& q) {
        const VectorModulus m(q);
        const auto factor = m.factor(shoup_factor(q, scalar));
        const auto weight_factor = m.factor(shoup_factor(q, weight));
        const auto product = [&](const auto& at) {
            return m.multiply_lazy(m.difference(at.load(a), at.load(b)), factor);
        };
        if (c == nullptr) {
            write_permuted(out, index, n,
                           [&](const auto& at) { return m.multiply(m.difference(at.load(a), at.load(b)), factor); });
        } else if (weight == 1) {
            write_permuted(out, index, n, [&](const auto& at) { return m.add_lazy(at.load(c), product(at)); });
        } else {
            write_permuted(out, index, n, [&](const auto& at) {
                return m.add_lazy(m.multiply_lazy(at.load(c), weight_factor), product(at));
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
        for (std::size_t i = 0; i < n; i += kIndexBlock) {
            const std::size_t source = index[i] & ~std::uint32_t{kIndexBlock - 1};
            Vector values[kVectorsPerBlock];
            for (std::size_t v = 0; v < kVectorsPerBlock; ++v) values[v] = value_at(FullBlock{source + v * kLanes});
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
};

/// The table of these kernels; those that are given are written for each instruction set.
template <class Arithmetic>
constexpr Kernels vector_kernels(const char* name, decltype(Kernels::forward_ntt) forward_ntt,
                                 decltype(Kernels::scaled_inverse_ntt) scaled_inverse_ntt,
                                 decltype(Kernels::permute) permute,
                                 decltype(Kernels::uniform_residues) uniform_residues) {
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
        .unpack = Implementation::unpack,
        .packed_inner_product = Implementation::packed_inner_product,
    };
}

}  // namespace polyformer::ckks
