#include "polyformer/ckks/circuits/circuit_counts.h"

#include <algorithm>
#include <span>

#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"

namespace polyformer::ckks {

namespace {

double count_nonzero(std::span<const long> steps) {
    return static_cast<double>(std::ranges::count_if(steps, [](long step) { return step != 0; }));
}

}  // namespace

OperationCounts diagonal_transform_counts(const Parameters& parameters, int level, const BabyWork& babies,
                                          double giants, double diagonals) {
    const OperationCounter at(parameters, level);
    // Rotations stay over Q·P until they are decomposed again.
    const OperationCounts rotation = at.key_product() + OperationCounts{.permuted = 2 * at.rows()};
    const OperationCounts between = at.division() + at.decomposition();
    return babies.rotations * rotation + babies.intermediates * between + giants * (between + rotation) +
           OperationCounts{.products = diagonals * 2 * at.rows()};
}

MapCounts periodic_map_counts(const PairedMap& map) {
    const auto inputs = static_cast<double>(map.inputs);
    MapCounts counts;
    counts.switches.decompositions = inputs;
    counts.switches.hoisted = inputs * count_nonzero(map.baby_steps);
    counts.switches.whole = map.lone_input ? 1 : 0;
    counts.switches.divisions = static_cast<double>(map.outputs);
    counts.parting = static_cast<double>(map.conjugations()) + (map.lone_output ? 1 : 0);
    if (map.terms.empty()) return counts;

    const long first_giant = map.giant_steps.front();
    const auto giants = static_cast<std::size_t>(map.giant_steps.back() - first_giant + 1);
    const auto babies = static_cast<std::size_t>(map.baby_steps.back() + 1);
    std::vector<bool> sums(map.outputs * giants, false);
    std::vector<bool> places(sums.size() * map.inputs * babies, false);
    for (const MapTerm& term : map.terms) {
        const std::size_t sum = term.output * giants + static_cast<std::size_t>(term.giant_step - first_giant);
        if (!sums[sum] && term.giant_step != 0) counts.switches.summed += 1;
        sums[sum] = true;
        const std::size_t place = (sum * map.inputs + term.input) * babies + static_cast<std::size_t>(term.baby_step);
        if (!places[place]) ++counts.diagonals;
        places[place] = true;
    }
    return counts;
}

KeySwitches rotated_product_switches(const RotatedInnerProduct& product) {
    const auto baby = static_cast<double>(product.baby);
    const auto groups = static_cast<double>(floor_divide(product.last - 1, product.baby).quotient -
                                            floor_divide(product.first, product.baby).quotient + 1);
    // Decomposed: the left operand, and each group's right one. Hoisted: the baby steps of both, and the right
    // operand's step from group to group. Whole: each group's relinearisation. Summed: the groups' last rotations.
    return {.decompositions = 1 + groups,
            .hoisted = (baby - 1) * (groups + 1) + groups - 1,
            .whole = groups,
            .summed = groups - 1,
            .divisions = 1};
}

OperationCounts chebyshev_counts(const Parameters& parameters, std::size_t degree, int level) {
    const OperationCounter at(parameters, level);
    return chebyshev_products(degree) * (at.product() + at.rescaling());
}

}  // namespace polyformer::ckks
