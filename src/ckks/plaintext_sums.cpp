#include "ckks/plaintext_sums.h"

#include <algorithm>

#include "ckks/aligned.h"
#include "ckks/kernels.h"

namespace polyformer::ckks {

namespace {

// Columns of 8 babies, two components and 64 plaintexts stay within a megabyte of second-level cache.
constexpr std::size_t kBlock = 1024;

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
    const std::size_t columns = std::min(n, kBlock);
    const AlignedWords zero(n / run);
    std::vector<const std::uint64_t*> block_weights(weights.size());
    std::vector<const std::uint64_t*> sources;
    std::vector<std::uint64_t*> results;
    for (std::size_t start = 0; start < n; start += columns) {
        std::transform(weights.begin(), weights.end(), block_weights.begin(),
                       [&](const std::uint64_t* row) { return (row == nullptr ? zero.data() : row) + start / run; });
        for (const LimbSums& operand : operands) {
            if (run == 1) {
                pointwise_sums(operand, weights, start, columns, q);
                continue;
            }
            sources.assign(operand.sources.begin(), operand.sources.end());
            results.assign(operand.results.begin(), operand.results.end());
            for (const std::uint64_t*& source : sources) source += start;
            for (std::uint64_t*& result : results) result += start;
            kernels().weighted_sums(results.data(), results.size(), sources.data(), block_weights.data(),
                                    sources.size(), columns, std::min(run, columns), q, false);
        }
    }
}

}  // namespace polyformer::ckks
