#include "polyformer/ckks/bootstrapping/dft_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "polyformer/ckks/circuits/circuit_counts.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/scheme/key_request.h"
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
// Of these only a chunk does.
constexpr int kMostRaisedSteps = 128;

// Digits of so many rotated inputs lie in memory at the same time.
constexpr int kMostInner = 4;

/// What one factor costs on top of what all do, its keys' bytes too.
class FactorCost {
  public:
    FactorCost(const Parameters& parameters, std::size_t slots, int level, KeyRole role, double key_price)
        : parameters_(parameters), slots_(slots), level_(level), role_(role), key_price_(key_price) {}

    KeyRole role() const { return role_; }

    double operator()(const DftGroup& group) const {
        const bool wraps = (std::size_t{1} << group.end()) == slots_;
        const long reach = (1L << group.stages) - 1;
        const double offsets = static_cast<double>(wraps ? reach + 1 : 2 * reach + 1);
        const long lowest_giant = wraps ? 0 : floor_divide(-reach, group.baby).quotient;
        const long giant_range = reach / group.baby - lowest_giant;
        const auto giants = static_cast<double>(giant_range);
        const double inner = group.inner;
        const double outer = static_cast<double>(group.baby) / inner;
        const bool raised = role_ == KeyRole::sparse_to_dense;
        const BabyWork babies{group.baby - (raised ? 0.0 : 1.0), outer > 1 ? inner - 1 : 0};
        const OperationCounts counts = diagonal_transform_counts(parameters_, level_, babies, giants, offsets, role_);
        const double key_bytes = ((inner - 1) + (outer - 1)) * bytes_of(role_) +
                                 (giants > 0 ? 1 : 0) * bytes_of(raised ? KeyRole::rotation : role_);
        return kTransform * counts.transforms + 2 * kKeyProduct * counts.key_limbs + kAutomorphism * counts.permuted +
               product(std::size_t{1} << group.end()) * counts.products + kTransform * key_price_ * key_bytes;
    }

  private:
    double bytes_of(KeyRole role) const { return static_cast<double>(key_file_bytes(parameters_, level_, role)); }
    double product(std::size_t period) const {
        const std::size_t run = parameters_.slots() / period;
        if (run == 1) return kFullProduct;
        return run < 8 ? kShortRunProduct : kSubringProduct;
    }

    const Parameters& parameters_;
    std::size_t slots_;
    int level_;
    KeyRole role_;
    double key_price_;
};

struct Plan {
    double cost = std::numeric_limits<double>::infinity();
    std::vector<DftGroup> groups;
};

/// Baby steps of a group, and how they are taken. Where keys are worth nothing, no rotation takes others.
Plan best_group(const DftGroup& stages, const FactorCost& cost, bool saves_keys) {
    Plan best;
    const bool raised = cost.role() == KeyRole::sparse_to_dense;
    for (int inner = 1; inner <= (saves_keys && !raised ? kMostInner : 1); inner *= 2) {
        const int most = std::min(raised ? kMostRaisedSteps : kMostBabySteps, 1 << stages.stages);
        for (int outer = 1; inner * outer <= most; outer += saves_keys ? 1 : outer) {
            const DftGroup group{stages.first, stages.stages, inner * outer, inner};
            const double cost_of_group = cost(group);
            if (cost_of_group < best.cost) best = {cost_of_group, {group}};
        }
    }
    return best;
}

/// groups[index][first][count]: the best group of so many stages as so-manieth factor.
using Groups = std::vector<std::vector<std::vector<Plan>>>;

Groups best_groups(std::span<const FactorCost> costs, int stages, bool saves_keys) {
    Groups groups;
    for (const FactorCost& cost : costs) {
        auto& of_factor = groups.emplace_back();
        for (int first = 0; first <= stages; ++first) {
            auto& from_first = of_factor.emplace_back();
            for (int count = 0; count <= stages - first; ++count) {
                from_first.push_back(best_group({first, count}, cost, saves_keys));
            }
        }
    }
    return groups;
}

/// Extends `chosen`, which ends at `first` stages and is cheaper than the best so far, in all ways.
void search(const Groups& groups, int stages, std::size_t index, int first, const Plan& chosen, Plan& best) {
    if (index == groups.size()) {
        if (first == stages && chosen.cost < best.cost) best = chosen;
        return;
    }
    for (int count = 0; count <= stages - first; ++count) {
        const Plan& group = groups[index][static_cast<std::size_t>(first)][static_cast<std::size_t>(count)];
        Plan longer = chosen;
        longer.cost += group.cost;
        if (longer.cost >= best.cost) continue;
        longer.groups.push_back(group.groups.front());
        search(groups, stages, index + 1, first + count, longer, best);
    }
}

}  // namespace

KeyRole factor_role(const Parameters& parameters, std::size_t slots, DftDirection direction, std::size_t index) {
    if (direction == DftDirection::to_slots) return KeyRole::low_rotation;
    return index == 0 && slots == parameters.slots() ? KeyRole::sparse_to_dense : KeyRole::rotation;
}

std::vector<DftGroup> plan_dft(const Parameters& parameters, std::size_t slots, int levels, DftDirection direction,
                               int level, double key_price) {
    require(std::has_single_bit(slots) && slots <= parameters.slots(),
            "{} slots have no Fourier transform: their number must be a power of two up to {}", slots,
            parameters.slots());
    require(levels > 0 && levels <= level,
            "a Fourier transform from level {} on {} levels is impossible: it needs 1 to {}", level, levels, level);
    require(key_price >= 0, "a byte of keys cannot be worth {} transforms: a price is 0 or more", key_price);
    // Groups from the shortest distances up; CoeffsToSlots applies the last one first.
    const bool reversed = direction == DftDirection::to_coefficients;
    std::vector<FactorCost> costs;
    for (int index = 0; index < levels; ++index) {
        const int place = reversed ? levels - 1 - index : index;
        const KeyRole role = factor_role(parameters, slots, direction, static_cast<std::size_t>(place));
        costs.emplace_back(parameters, slots, level - place, role, key_price);
    }
    const int stages = std::countr_zero(slots);
    Plan best;
    search(best_groups(costs, stages, key_price > 0), stages, 0, 0, {0, {}}, best);
    if (reversed) std::reverse(best.groups.begin(), best.groups.end());
    return best.groups;
}

}  // namespace polyformer::ckks
