// Limbs in blocks of as many entries as a vector has lanes, for any instruction set, given its arithmetic (see
// kernels_vector_template.h). Included by the kernels of each instruction set only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace polyformer::ckks {

/// Blocks, and loops over them.
template <class Arithmetic>
struct VectorBlocks {
    using Vector = typename Arithmetic::Vector;
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
};

}  // namespace polyformer::ckks
