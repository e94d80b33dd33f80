#include "polyformer/ckks/circuits/plaintext_sums.h"

#include <algorithm>
#include <cstring>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

namespace {

// Columns whose weights are gathered together: with runs of 128, one cache line of each row.
constexpr std::size_t kBlock = 1024;
// Limbs lie multiples of 512 KiB apart, so that all their beginnings compete for the same sets of every cache. More
// than a set holds are first copied, some columns at a time, to where they do not.
constexpr std::size_t kDirectSources = 16;
constexpr std::size_t kColumns = 256;
constexpr std::size_t kLineWords = 8;
constexpr std::size_t kPadding = kLineWords;

/// Columns of all sources, one after the other. While one is copied, the next one is asked for: so many short pieces
/// are more than the hardware foresees.
void gather_sources(std::span<const std::uint64_t* const> sources, std::size_t start, std::size_t columns,
                    std::uint64_t* strip) {
    for (std::size_t k = 0; k < sources.size(); ++k) {
        const std::uint64_t* source = sources[k] + start;
        const std::uint64_t* next = sources[std::min(k + 1, sources.size() - 1)] + start;
        for (std::size_t i = 0; i < columns; i += kLineWords) {
            __builtin_prefetch(next + i);
            std::memcpy(strip + i, source + i, kLineWords * sizeof(std::uint64_t));
        }
        strip += columns + kPadding;
    }
}

/// The weights of a few runs, (row, run); a null row is zero.
void gather_weights(std::span<const std::uint64_t* const> weights, std::size_t first_run, std::size_t runs,
                    std::uint64_t* packed) {
    constexpr std::size_t kAhead = 16;
    for (std::size_t row = 0; row < weights.size(); ++row, packed += runs) {
        const std::uint64_t* later = weights[std::min(row + kAhead, weights.size() - 1)];
        if (later != nullptr) __builtin_prefetch(later + first_run);
        for (std::size_t r = 0; r < runs; ++r) packed[r] = weights[row] == nullptr ? 0 : weights[row][first_run + r];
    }
}

/// Full-length plaintexts: absent ones are skipped.
void pointwise_sums(const LimbSums& operand, std::span<const std::uint64_t* const> weights, std::size_t start,
                    std::size_t columns, const Modulus& q) {
    const std::size_t count = operand.sources.size();
    std::vector<const std::uint64_t*> left;
    std::vector<const std::uint64_t*> right;
    for (std::size_t g = 0; g < operand.results.size(); ++g) {
        left.clear();
        right.clear();
        for (std::size_t k = 0; k < count; ++k) {
            if (weights[g * count + k] == nullptr) continue;
            left.push_back(operand.sources[k] + start);
            right.push_back(weights[g * count + k] + start);
        }
        kernels().inner_product(operand.results[g] + start, left.data(), right.data(), left.size(), columns, q, false);
    }
}

}  // namespace

void plaintext_sums(std::span<const LimbSums> operands, std::span<const std::uint64_t* const> weights, std::size_t n,
                    std::size_t run, const Modulus& q) {
    const std::size_t block = std::min(n, kBlock);
    if (run == 1) {
        for (std::size_t start = 0; start < n; start += block) {
            for (const LimbSums& operand : operands) pointwise_sums(operand, weights, start, block, q);
        }
        return;
    }
    std::size_t most_sources = 0;
    for (const LimbSums& operand : operands) most_sources = std::max(most_sources, operand.sources.size());
    const bool gathered = most_sources > kDirectSources;
    const std::size_t columns = gathered ? std::min(n, kColumns) : block;
    AlignedWords strip(gathered ? most_sources * (columns + kPadding) : 0);
    std::vector<const std::uint64_t*> sources(most_sources);
    const std::size_t runs = std::max<std::size_t>(1, block / run);
    AlignedWords packed(weights.size() * runs);
    std::vector<const std::uint64_t*> rows(weights.size());
    std::vector<std::uint64_t*> results;
    for (std::size_t start = 0; start < n; start += columns) {
        if (start % block == 0) gather_weights(weights, start / run, runs, packed.data());
        for (std::size_t row = 0; row < rows.size(); ++row) rows[row] = &packed[row * runs + start % block / run];
        for (const LimbSums& operand : operands) {
            for (std::size_t k = 0; k < operand.sources.size(); ++k) {
                sources[k] = gathered ? strip.data() + k * (columns + kPadding) : operand.sources[k] + start;
            }
            if (gathered) gather_sources(operand.sources, start, columns, strip.data());
            results.assign(operand.results.begin(), operand.results.end());
            for (std::uint64_t*& result : results) result += start;
            kernels().weighted_sums(results.data(), results.size(), sources.data(), rows.data(), operand.sources.size(),
                                    columns, std::min(run, columns), q, false);
        }
    }
}

}  // namespace polyformer::ckks
