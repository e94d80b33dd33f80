// Sums of products on whole limbs for any vector instruction set, given its arithmetic (see kernels_vector_template.h).
// Included by the kernels of each instruction set only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "polyformer/ckks/kernels/blocks_vector_template.h"
#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

/// The kernels that sum products, and unpack().
template <class Arithmetic>
struct VectorSums : VectorBlocks<Arithmetic> {
    using Blocks = VectorBlocks<Arithmetic>;
    using Blocks::kIndexBlock;
    using Blocks::kLanes;
    using Blocks::kVectorsPerBlock;
    using typename Blocks::FullBlock;
    using typename Blocks::Vector;
    using VectorModulus = typename Arithmetic::VectorModulus;
    using LazySum = typename Arithmetic::LazySum;
    using Integers = typename Arithmetic::Integers;
    using Unpacking = typename Arithmetic::Unpacking;

    /// body(i) for all i < kCount, not as a loop: compilers keep sums in registers only where their indices are
    /// constants.
    template <std::size_t kCount, class Body>
    static void unrolled(const Body& body) {
        [&]<std::size_t... kIndices>(std::index_sequence<kIndices...>) {
            (body(kIndices), ...);
        }
        (std::make_index_sequence<kCount>());
    }

    static constexpr std::size_t kTermsAtOnce = 128;  ///< more are summed in parts

    /// Calls add(k) for all terms k < count ≤ kTermsAtOnce, and condenses the sums whenever they have no room for more.
    template <std::size_t kSums, class Add>
    static void for_each_term(std::size_t count, const VectorModulus& m, LazySum (&sums)[kSums], const Add& add) {
        if constexpr (LazySum::kMaxTerms >= kTermsAtOnce) {
            for (std::size_t k = 0; k < count; ++k) add(k);
            return;
        }
        std::size_t k = 0;
        std::size_t end = count < LazySum::kMaxTerms ? count : LazySum::kMaxTerms;
        while (true) {
            for (; k < end; ++k) add(k);
            if (k == count) return;
            unrolled<kSums>([&](std::size_t i) __attribute__((always_inline)) { m.condense(sums[i]); });
            const std::size_t left = count - k;
            end += left < LazySum::kMaxTerms ? left : LazySum::kMaxTerms;
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
        if (count > kTermsAtOnce) {
            inner_product(out, a, b, kTermsAtOnce, n, q, accumulate);
            inner_product(out, a + kTermsAtOnce, b + kTermsAtOnce, count - kTermsAtOnce, n, q, true);
            return;
        }
        const VectorModulus m(q);
        // Independent sums hide the latency of a multiply-add.
        Blocks::template for_each_tile<4>(
            0, n, [&]<class Block, std::size_t kVectors>(const std::array<Block, kVectors>& at) {
                LazySum sums[kVectors];
                for_each_term(count, m, sums, [&](std::size_t k) {
                    unrolled<kVectors>([&](std::size_t v) __attribute__((always_inline)) {
                        sums[v].add_product(at[v].load(a[k]), at[v].load(b[k]));
                    });
                });
                unrolled<kVectors>([&](std::size_t v) __attribute__((always_inline)) {
                    store_sum(out, at[v], sums[v], m, accumulate);
                });
            });
    }

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
            unrolled<kBlocks>([&](std::size_t block) __attribute__((always_inline)) {
                Integers values[kVectorsPerBlock];
                unpack(k, block, values);
                unrolled<kVectorsPerBlock>([&](std::size_t j) __attribute__((always_inline)) {
                    const std::size_t v = block * kVectorsPerBlock + j;
                    const Vector unpacked = Arithmetic::from_integers(values[j]);
                    sums[v].add_product(Arithmetic::load(a[k] + i + v * kLanes), unpacked);
                });
            });
        });
        unrolled<kSums>([&](std::size_t v) __attribute__((always_inline)) {
            store_sum(out, FullBlock{i + v * kLanes}, sums[v], m, accumulate);
        });
    }

    static void packed_inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::byte* const* b,
                                     std::size_t bytes, int bits, std::size_t count, std::size_t n,
                                     const ModulusConstants& q, bool accumulate) {
        if (count > kTermsAtOnce) {
            packed_inner_product(out, a, b, bytes, bits, kTermsAtOnce, n, q, accumulate);
            packed_inner_product(out, a + kTermsAtOnce, b + kTermsAtOnce, bytes, bits, count - kTermsAtOnce, n, q,
                                 true);
            return;
        }
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

    /// What weighted_sums() computes, without the sizes of the tile at hand.
    struct WeightedSums {
        VectorModulus modulus;
        std::uint64_t* const* out;
        const std::uint64_t* const* a;
        const std::uint64_t* const* weights;
        std::size_t count;
        bool accumulate;

        /// Some blocks of outputs [output, output + kOutputs) for terms [first, first + terms), whose weights are
        /// weight(k, g) for the term first + k and the output + g.
        template <std::size_t kOutputs, class Block, std::size_t kVectors, class WeightOf>
        void tile(std::size_t output, std::size_t first, std::size_t terms, const std::array<Block, kVectors>& at,
                  const WeightOf& weight) const {
            constexpr std::size_t kSums = kOutputs * kVectors;
            LazySum sums[kSums];
            for_each_term(terms, modulus, sums, [&](std::size_t k) {
                Vector source[kVectors];
                unrolled<kVectors>([&](std::size_t v)
                                       __attribute__((always_inline)) { source[v] = at[v].load(a[first + k]); });
                unrolled<kSums>([&](std::size_t s) __attribute__((always_inline)) {
                    const Vector factor = Arithmetic::broadcast(weight(k, s / kVectors));
                    sums[s].add_product(source[s % kVectors], factor);
                });
            });
            unrolled<kSums>([&](std::size_t s) __attribute__((always_inline)) {
                store_sum(out[output + s / kVectors], at[s % kVectors], sums[s], modulus, accumulate || first > 0);
            });
        }

        /// Entries [begin, end), all within the run numbered `run_index`, kVectors blocks at a time.
        template <std::size_t kOutputs, std::size_t kVectors>
        void strip(std::size_t output, std::size_t begin, std::size_t end, std::size_t run_index) const {
            std::size_t first = 0;
            do {  // of no terms at all there is a sum, too
                const std::size_t terms = count - first < kTermsAtOnce ? count - first : kTermsAtOnce;
                const auto given = [&](std::size_t k, std::size_t g) {
                    return Arithmetic::weight(weights[(output + g) * count + first + k][run_index]);
                };
                if constexpr (Arithmetic::kPreparesWeights) {
                    typename Arithmetic::Weight prepared[kTermsAtOnce * kOutputs];
                    for (std::size_t k = 0; k < terms; ++k) {
                        for (std::size_t g = 0; g < kOutputs; ++g) prepared[k * kOutputs + g] = given(k, g);
                    }
                    const auto known = [&](std::size_t k, std::size_t g) { return prepared[k * kOutputs + g]; };
                    Blocks::template for_each_tile<kVectors>(begin, end, [&](const auto& at) {
                        this->template tile<kOutputs>(output, first, terms, at, known);
                    });
                } else {
                    Blocks::template for_each_tile<kVectors>(begin, end, [&](const auto& at) {
                        this->template tile<kOutputs>(output, first, terms, at, given);
                    });
                }
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
        const std::size_t strip = run < kStrip || outputs == 1 ? run : kStrip;
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

}  // namespace polyformer::ckks
