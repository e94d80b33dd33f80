#include "polyformer/ckks/bootstrapping/dft_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "polyformer/ckks/circuits/circuit_counts.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

// Costs of work on one limb, by that of its transform: measured ratios at N = 2^16 with AVX-512. At the top of the
// chain a giant step then costs three to four baby steps, as measured.
constexpr double kTransform = 1.3;     // with its share of a base conversion, which is not priced apart
constexpr double kKeyProduct = 0.35;   // by a limb of either half of a key, read from memory or made from its seed
constexpr double kAutomorphism = 0.2;  // with the sum before it
constexpr double kFullProduct = 0.25;  // by a plaintext of full length, read from memory
constexpr double kSubringProduct = 0.035;
constexpr double kShortRunProduct = 0.5;  // runs shorter than a vector

// A row of each rotated input of a factor lies in memory at the same time.
constexpr int kMostBabySteps = 32;

/// What one factor costs on top of what all do.
class FactorCost {
  public:
    FactorCost(const Parameters& parameters, std::size_t slots, int level)
        : parameters_(parameters), slots_(slots), level_(level) {}

    double operator()(const DftGroup& group) const {
        const bool wraps = (std::size_t{1} << group.end()) == slots_;
        const double offsets = std::exp2(group.stages + (wraps ? 0 : 1));
        const double giants = std::max(1.0, offsets / group.baby);
        const OperationCounts counts = diagonal_transform_counts(parameters_, level_, group.baby, giants, offsets);
        return kTransform * counts.transforms + 2 * kKeyProduct * counts.key_limbs + kAutomorphism * counts.permuted +
               product(std::size_t{1} << group.end()) * counts.products;
    }

  private:
    double product(std::size_t period) const {
        const std::size_t run = parameters_.slots() / period;
        if (run == 1) return kFullProduct;
        return run < 8 ? kShortRunProduct : kSubringProduct;
    }

    const Parameters& parameters_;
    std::size_t slots_;
    int level_;
};

struct Plan {
    double cost = std::numeric_limits<double>::infinity();
    std::vector<DftGroup> groups;
};

DftGroup with_best_baby(DftGroup group, const FactorCost& cost) {
    DftGroup best = group;
    for (group.baby = 1; group.baby <= std::min(kMostBabySteps, 1 << group.stages); group.baby *= 2) {
        if (cost(group) < cost(best)) best = group;
    }
    return best;
}

/// Extends `chosen`, which ends at `first` stages and is cheaper than the best so far, in all ways.
void search(std::span<const FactorCost> costs, int stages, std::size_t index, int first, Plan chosen, Plan& best) {
    if (index == costs.size()) {
        if (first == stages && chosen.cost < best.cost) best = std::move(chosen);
        return;
    }
    for (int count = 0; count <= stages - first; ++count) {
        const DftGroup group = with_best_baby({first, count, 1}, costs[index]);
        Plan longer = chosen;
        longer.cost += costs[index](group);
        if (longer.cost >= best.cost) continue;
        longer.groups.push_back(group);
        search(costs, stages, index + 1, first + count, std::move(longer), best);
    }
}

}  // namespace

std::vector<DftGroup> plan_dft(const Parameters& parameters, std::size_t slots, int levels, DftDirection direction,
                               int level) {
    require(std::has_single_bit(slots) && slots <= parameters.slots(),
            "{} slots have no Fourier transform: their number must be a power of two up to {}", slots,
            parameters.slots());
    require(levels > 0 && levels <= level,
            "a Fourier transform from level {} on {} levels is impossible: it needs 1 to {}", level, levels, level);
    // Groups from the shortest distances up; CoeffsToSlots applies the last one first.
    const bool reversed = direction == DftDirection::to_coefficients;
    std::vector<FactorCost> costs;
    for (int index = 0; index < levels; ++index) {
        costs.emplace_back(parameters, slots, level - (reversed ? levels - 1 - index : index));
    }
    Plan best;
    search(costs, std::countr_zero(slots), 0, 0, {0, {}}, best);
    if (reversed) std::reverse(best.groups.begin(), best.groups.end());
    return best.groups;
}

}  // namespace polyformer::ckks
