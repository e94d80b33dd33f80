// The kernels on whole limbs for any vector instruction set, given its arithmetic on a few residues at a time.
// Included by the kernels of each instruction set only.
//
// Arithmetic provides kLanes, load, store, load_partial, store_partial, store_permuted (of a block of eight entries),
// weight (a residue as what broadcast takes), broadcast, and the classes
//   VectorModulus       sums and products of residues modulo q
//   CenteredReduction   residues modulo one number to residues modulo another
//   LazySum             a sum of up to kMaxTerms products of numbers below 2^50; condense() makes room for all but one
//                       of so many again
//   RoundedQuotient     a sum of products by real numbers, rounded
//   Unpacking           eight packed numbers to 8 / kLanes vectors of Integers, which store_integers() writes and
//                       from_integers() turns, where they are below 2^52, into what computations take
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

template <class Arithmetic>
struct VectorKernels {
    using Vector = typename Arithmetic::Vector;
    using VectorModulus = typename Arithmetic::VectorModulus;
    using LazySum = typename Arithmetic::LazySum;
    using Integers = typename Arithmetic::Integers;
    static constexpr std::size_t kLanes = Arithmetic::kLanes;
    static constexpr std::size_t kIndexBlock = 8;  // permutations take blocks of this length to such blocks
    static constexpr std::size_t kVectorsPerBlock = kIndexBlock / kLanes;

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

    /// body(i) for all i < kCount, not as a loop: compilers keep sums in registers only where their indices are
    /// constants.
    template <std::size_t kCount, class Body>
    static void unrolled(const Body& body) {
        [&]<std::size_t... kIndices>(std::index_sequence<kIndices...>) {
            (body(kIndices), ...);
        }
        (std::make_index_sequence<kCount>());
    }

    /// Calls add(k) for all terms k < count, and condenses the sums whenever they have no room for more.
    template <std::size_t kSums, class Add>
    static void for_each_term(std::size_t count, const VectorModulus& m, LazySum (&sums)[kSums], const Add& add) {
        std::size_t k = 0;
        std::size_t end = count < LazySum::kMaxTerms ? count : LazySum::kMaxTerms;
        while (true) {
            for (; k < end; ++k) add(k);
            if (k == count) return;
            unrolled<kSums>([&](std::size_t i) { m.condense(sums[i]); });
            const std::size_t left = count - k;
            end += left < LazySum::kMaxTerms - 1 ? left : LazySum::kMaxTerms - 1;
        }
    }

    /// Writes a sum to a block of `limb`, or adds it to that.
    template <class Block>
    static void store_sum(std::uint64_t* limb, const Block& at, const LazySum& sum, const VectorModulus& m,
                          bool accumulate) {
        const Vector reduced = m.reduce(sum);
        at.store(limb, accumulate ? m.add(reduced, at.load(limb)) : reduced);
    }

    static void inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b,
                              std::size_t count, std::size_t n, const ModulusConstants& q, bool accumulate) {
        const VectorModulus m(q);
        // Independent sums hide the latency of a multiply-add.
        for_each_tile<4>(0, n, [&]<class Block, std::size_t kVectors>(const std::array<Block, kVectors>& at) {
            LazySum sums[kVectors];
            for_each_term(count, m, sums, [&](std::size_t k) {
                unrolled<kVectors>([&](std::size_t v) { sums[v].add_product(at[v].load(a[k]), at[v].load(b[k])); });
            });
            unrolled<kVectors>([&](std::size_t v) { store_sum(out, at[v], sums[v], m, accumulate); });
        });
    }

    using Unpacking = typename Arithmetic::Unpacking;

    /// The block of eight numbers at `packed`, where `bytes` bytes are left.
    static void unpack_block(const Unpacking& unpacked, const std::byte* packed, std::size_t bytes, Integers* values) {
        if (bytes >= Unpacking::kReach) {
            unpacked(packed, values);
            return;
        }
        std::byte copy[Unpacking::kReach] = {};
        for (std::size_t i = 0; i < bytes; ++i) copy[i] = packed[i];
        unpacked(copy, values);
    }

    static void unpack(std::uint64_t* out, const std::byte* packed, std::size_t bytes, int bits, std::size_t n) {
        const Unpacking unpacked(bits);
        const auto step = static_cast<std::size_t>(bits);
        const auto store = [](std::uint64_t* to, const Integers* values) {
            for (std::size_t v = 0; v < kVectorsPerBlock; ++v) Arithmetic::store_integers(to + v * kLanes, values[v]);
        };
        Integers values[kVectorsPerBlock];
        std::size_t i = 0;
        for (; i + kIndexBlock <= n && bytes >= Unpacking::kReach; i += kIndexBlock, packed += step, bytes -= step) {
            unpacked(packed, values);
            store(out + i, values);
        }
        for (; i < n; i += kIndexBlock, packed += step, bytes -= step) {
            unpack_block(unpacked, packed, bytes, values);
            std::uint64_t block[kIndexBlock];
            store(block, values);
            for (std::size_t j = 0; j < kIndexBlock && i + j < n; ++j) out[i + j] = block[j];
        }
    }

    /// Sums of products from entry i on; unpack(k, block, values) gives the blocks of eight packed numbers of term k.
    template <std::size_t kBlocks, class Unpack>
    static void packed_tile(std::uint64_t* out, const std::uint64_t* const* a, std::size_t i, std::size_t count,
                            const VectorModulus& m, bool accumulate, const Unpack& unpack) {
        constexpr std::size_t kSums = kBlocks * kVectorsPerBlock;
        LazySum sums[kSums];
        for_each_term(count, m, sums, [&](std::size_t k) {
            unrolled<kBlocks>([&](std::size_t block) {
                Integers values[kVectorsPerBlock];
                unpack(k, block, values);
                unrolled<kVectorsPerBlock>([&](std::size_t j) {
                    const std::size_t v = block * kVectorsPerBlock + j;
                    const Vector unpacked = Arithmetic::from_integers(values[j]);
                    sums[v].add_product(Arithmetic::load(a[k] + i + v * kLanes), unpacked);
                });
            });
        });
        unrolled<kSums>([&](std::size_t v) { store_sum(out, FullBlock{i + v * kLanes}, sums[v], m, accumulate); });
    }

    static void packed_inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::byte* const* b,
                                     std::size_t bytes, int bits, std::size_t count, std::size_t n,
                                     const ModulusConstants& q, bool accumulate) {
        constexpr std::size_t kBlocks = Arithmetic::kPackedBlocksPerTile;
        const VectorModulus m(q);
        const Unpacking unpacked(bits);
        const auto step = static_cast<std::size_t>(bits);
        std::size_t i = 0;
        std::size_t begin = 0;
        for (; i + kBlocks * kIndexBlock <= n && begin + (kBlocks - 1) * step + Unpacking::kReach <= bytes;
             i += kBlocks * kIndexBlock, begin += kBlocks * step) {
            packed_tile<kBlocks>(out, a, i, count, m, accumulate,
                                 [&](std::size_t k, std::size_t block, Integers* values) {
                                     unpacked(b[k] + begin + block * step, values);
                                 });
        }
        for (; i < n; i += kIndexBlock, begin += step) {
            packed_tile<1>(out, a, i, count, m, accumulate, [&](std::size_t k, std::size_t, Integers* values) {
                unpack_block(unpacked, b[k] + begin, bytes - begin, values);
            });
        }
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
        static constexpr std::size_t kTermsAtOnce = 128;

        VectorModulus modulus;
        std::uint64_t* const* out;
        const std::uint64_t* const* a;
        const std::uint64_t* const* weights;
        std::size_t count;
        bool accumulate;

        /// Some blocks of outputs [output, output + kOutputs); `weight` has the weights of all of them for one term
        /// behind those of the one before.
        template <std::size_t kOutputs, class Block, std::size_t kVectors>
        void tile(std::size_t output, std::size_t first, std::size_t terms, const std::array<Block, kVectors>& at,
                  const typename Arithmetic::Weight* weight) const {
            constexpr std::size_t kSums = kOutputs * kVectors;
            LazySum sums[kSums];
            for_each_term(terms, modulus, sums, [&](std::size_t k) {
                Vector source[kVectors];
                unrolled<kVectors>([&](std::size_t v) { source[v] = at[v].load(a[first + k]); });
                unrolled<kSums>([&](std::size_t s) {
                    const Vector factor = Arithmetic::broadcast(weight[k * kOutputs + s / kVectors]);
                    sums[s].add_product(source[s % kVectors], factor);
                });
            });
            unrolled<kSums>([&](std::size_t s) {
                store_sum(out[output + s / kVectors], at[s % kVectors], sums[s], modulus, accumulate || first > 0);
            });
        }

        /// Entries [begin, end), all within the run numbered `run_index`, kVectors blocks at a time.
        template <std::size_t kOutputs, std::size_t kVectors>
        void strip(std::size_t output, std::size_t begin, std::size_t end, std::size_t run_index) const {
            std::size_t first = 0;
            do {  // of no terms at all there is a sum, too
                const std::size_t terms = count - first < kTermsAtOnce ? count - first : kTermsAtOnce;
                typename Arithmetic::Weight prepared[kTermsAtOnce * kOutputs];
                for (std::size_t g = 0; g < kOutputs; ++g) {
                    const std::uint64_t* const* row = weights + (output + g) * count + first;
                    for (std::size_t k = 0; k < terms; ++k) {
                        prepared[k * kOutputs + g] = Arithmetic::weight(row[k][run_index]);
                    }
                }
                for_each_tile<kVectors>(begin, end, [&](const auto& at) {
                    this->template tile<kOutputs>(output, first, terms, at, prepared);
                });
                first += terms;
            } while (first < count);
        }
    };

    static void weighted_sums(std::uint64_t* const* out, std::size_t outputs, const std::uint64_t* const* a,
                              const std::uint64_t* const* weights, std::size_t count, std::size_t n, std::size_t run,
                              const ModulusConstants& q, bool accumulate) {
        constexpr std::size_t kOutputs = Arithmetic::kOutputsPerTile;
        constexpr std::size_t kStrip = 128;  // entries of all sources that stay in the nearest cache between outputs
        if (run < kLanes) {
            scalar_kernels().weighted_sums(out, outputs, a, weights, count, n, run, q, accumulate);
            return;
        }
        const WeightedSums sums{VectorModulus(q), out, a, weights, count, accumulate};
        const std::size_t strip = run < kStrip ? run : kStrip;
        for (std::size_t begin = 0; begin < n; begin += strip) {
            const std::size_t end = begin + strip < n ? begin + strip : n;
            std::size_t g = 0;
            for (; g + kOutputs <= outputs; g += kOutputs) {
                sums.template strip<kOutputs, 2>(g, begin, end, begin / run);
            }
            for (; g < outputs; ++g) sums.template strip<1, 4>(g, begin, end, begin / run);
        }
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
