#include "polyformer/ckks/circuits/circuit_counts.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "polyformer/ckks/polynomials/polynomial_evaluation.h"
#include "polyformer/ckks/rotations/baby_giant.h"

namespace polyformer::ckks {

namespace {

double count_nonzero(std::span<const long> steps) {
    return static_cast<double>(std::ranges::count_if(steps, [](long step) { return step != 0; }));
}

/// Of the giant steps of one output.
void add_giant_switches(const PairedMap& map, std::span<const long> giant_steps, KeySwitches& switches) {
    if (!map.saving.horner) {
        switches.summed += count_nonzero(giant_steps);
        return;
    }
    // The base is that of all outputs.
    const GiantChain all(map.giant_steps);
    const bool above = giant_steps.back() > all.base;
    const bool below = giant_steps.front() < all.base;
    for (const auto& [on_this_side, end] : {std::pair{above, giant_steps.back()}, {below, giant_steps.front()}}) {
        if (!on_this_side) continue;
        // The first is of a sum that was not rotated yet.
        switches.summed += 1;
        switches.again += static_cast<double>(all.rotations(end) - 1);
    }
    if (all.base != 0) (above || below ? switches.again : switches.summed) += 1;
}

/// Each diagonal is a product with each half, and one with a key, of which both halves are read once a baby step
/// (raised_sums()). With giant steps every sum is divided by itself.
OperationCounts raised_counts(const Parameters& parameters, int level, double babies, double giants, double diagonals) {
    const OperationCounter raised(parameters, level, raised_special_count(parameters));
    const OperationCounter at(parameters, level);
    const OperationCounts giant = at.decomposition() + at.key_product() + OperationCounts{.permuted = 2 * at.rows()};
    return OperationCounts{
               .products = diagonals * (raised.rows() + raised.limbs()) + 2 * (diagonals - babies) * raised.rows(),
               .key_limbs = babies * raised.rows(),
               .permuted = (babies - 1) * (raised.rows() + raised.limbs())} +
           (giants > 0 ? giants + 1 : 0) * raised.division() + giants * giant +
           (giants > 0 ? giants - 1 : 0) * at.half_division();  // the first sum was not rotated yet
}

}  // namespace

OperationCounts diagonal_transform_counts(const Parameters& parameters, int level, const BabyWork& babies,
                                          double giants, double diagonals, KeyRole role) {
    if (role == KeyRole::sparse_to_dense) return raised_counts(parameters, level, babies.rotations, giants, diagonals);
    const OperationCounter at(parameters, level, special_count(parameters, role));
    // Rotations stay over Q·P until they are decomposed again.
    const OperationCounts rotation = at.key_product() + OperationCounts{.permuted = 2 * at.rows()};
    const OperationCounts between = at.division() + at.decomposition();
    return babies.rotations * rotation + babies.intermediates * between +
           giants * (at.half_division() + at.decomposition() + rotation) +
           OperationCounts{.products = diagonals * 2 * at.rows()};
}

MapCounts periodic_map_counts(const PairedMap& map) {
    const auto inputs = static_cast<double>(map.inputs);
    MapCounts counts;
    const BabyWork babies = baby_work(map.baby_steps, map.saving.inner);
    counts.switches.decompositions = inputs * (1 + babies.intermediates);
    counts.switches.hoisted = inputs * babies.rotations;
    counts.switches.whole = map.lone_input ? 1 : 0;
    counts.switches.divisions = static_cast<double>(map.outputs);
    counts.parting = static_cast<double>(map.conjugations()) + (map.lone_output ? 1 : 0);
    if (map.terms.empty()) return counts;

    const long first_giant = map.giant_steps.front();
    const auto giants = static_cast<std::size_t>(map.giant_steps.back() - first_giant + 1);
    const auto babies_at_most = static_cast<std::size_t>(map.baby_steps.back() + 1);
    std::vector<bool> sums(map.outputs * giants, false);
    std::vector<bool> places(sums.size() * map.inputs * babies_at_most, false);
    for (const MapTerm& term : map.terms) {
        const std::size_t sum = term.output * giants + static_cast<std::size_t>(term.giant_step - first_giant);
        sums[sum] = true;
        const std::size_t place =
            (sum * map.inputs + term.input) * babies_at_most + static_cast<std::size_t>(term.baby_step);
        if (!places[place]) ++counts.diagonals;
        places[place] = true;
    }
    for (std::size_t output = 0; output < map.outputs; ++output) {
        std::vector<long> used;
        for (std::size_t giant = 0; giant < giants; ++giant) {
            if (sums[output * giants + giant]) used.push_back(first_giant + static_cast<long>(giant));
        }
        if (!used.empty()) add_giant_switches(map, used, counts.switches);
    }
    return counts;
}

KeySwitches rotated_product_switches(const RotatedInnerProduct& product) {
    const auto baby = static_cast<double>(product.baby);
    const long first = floor_divide(product.first, product.baby).quotient;
    const long last = floor_divide(product.last - 1, product.baby).quotient;
    const auto groups = static_cast<double>(last - first + 1);
    const auto lefts = static_cast<double>(std::min(product.left_shifts, last - first + 1));
    const auto rights = static_cast<double>(floor_divide(last, product.left_shifts).quotient -
                                            floor_divide(first, product.left_shifts).quotient + 1);
    std::vector<long> babies(static_cast<std::size_t>(product.baby));
    std::iota(babies.begin(), babies.end(), 0L);
    const double decomposed = 1 + baby_work(babies, product.inner).intermediates;
    // Decomposed: every shifted operand, and what of its rotations is rotated again. Hoisted: the baby steps of all,
    // and the shifts. Summed: each group's relinearisation. Again: the groups' last rotations.
    return {.decompositions = decomposed * (lefts + rights),
            .again = groups - 1,
            .hoisted = (baby - 1) * (lefts + rights) + lefts - 1 + rights - 1,
            .summed = groups,
            .divisions = 1};
}

OperationCounts chebyshev_counts(const Parameters& parameters, std::size_t degree, int level) {
    const OperationCounter at(parameters, level);
    return chebyshev_products(degree) * (at.product() + at.rescaling());
}

}  // namespace polyformer::ckks
