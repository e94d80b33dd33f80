#include "polyformer/trainer/statistics/value_counts.h"

#include <ATen/Parallel.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace polyformer::train {
namespace {

constexpr std::int64_t kGrain = 1 << 18;
// Values in a row often fall into one bin; added to one counter they would wait for each other.
constexpr std::size_t kTables = 4;

}  // namespace

void add_counts(std::span<const float> values, float reach, std::span<double> counts) {
    if (counts.empty()) return;
    const std::size_t bins = counts.size();
    const float scale = static_cast<float>(bins) / (2 * reach);
    const auto bin_of = [&](float x) -> std::size_t {
        if (!(x > -reach)) return 0;
        if (x >= reach) return bins - 1;
        return static_cast<std::size_t>(static_cast<std::uint32_t>((x + reach) * scale));
    };
    std::mutex adding;
    at::parallel_for(0, static_cast<std::int64_t>(values.size()), kGrain, [&](std::int64_t begin, std::int64_t end) {
        std::vector<std::uint64_t> tables(kTables * bins);
        const std::span<const float> part =
            values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
        std::size_t i = 0;
        for (; i + kTables <= part.size(); i += kTables) {
            for (std::size_t j = 0; j < kTables; ++j) ++tables[j * bins + bin_of(part[i + j])];
        }
        for (; i < part.size(); ++i) ++tables[bin_of(part[i])];
        const std::lock_guard lock(adding);
        for (std::size_t bin = 0; bin < bins; ++bin) {
            for (std::size_t j = 0; j < kTables; ++j) counts[bin] += static_cast<double>(tables[j * bins + bin]);
        }
    });
}

}  // namespace polyformer::train
