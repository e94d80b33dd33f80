#include "polyformer/ckks/circuits/circuit_counts.h"

#include <set>

#include "polyformer/ckks/circuits/baby_giant.h"
#include "polyformer/ckks/polynomials/polynomial_evaluation.h"

namespace polyformer::ckks {

namespace {

double count_nonzero(const std::set<long>& steps) {
    return static_cast<double>(steps.size() - steps.count(0));
}

double nonzero_baby_steps(const std::vector<long>& offsets, long stride, long baby) {
    std::set<long> steps;
    for (const long offset : offsets) steps.insert(split_offset(offset, stride, baby).baby_step);
    return count_nonzero(steps);
}

double nonzero_giant_steps(const std::vector<long>& offsets, long stride, long baby) {
    std::set<long> steps;
    for (const long offset : offsets) steps.insert(split_offset(offset, stride, baby).giant_step);
    return count_nonzero(steps);
}

}  // namespace

OperationCounts diagonal_transform_counts(const Parameters& parameters, int level, double babies, double giants,
                                          double diagonals) {
    const OperationCounter at(parameters, level);
    // Rotations stay over Q·P.
    const OperationCounts baby_step = at.key_product() + OperationCounts{.permuted = 2 * at.rows()};
    const OperationCounts giant_step = at.division() + at.decomposition() + baby_step;
    return (babies - 1) * baby_step + (giants - 1) * giant_step +
           OperationCounts{.products = diagonals * 2 * at.rows()};
}

MapShape::MapShape(const PeriodicDiagonals& map) : period(map.period), inputs(map.inputs), stride(map.stride) {
    std::set<long> all;
    for (const auto& row : map.blocks) {
        std::set<long> of_output;
        for (const auto& block : row) {
            diagonals += block.size();
            for (const auto& [offset, values] : block) of_output.insert(offset);
        }
        all.insert(of_output.begin(), of_output.end());
        output_offsets.emplace_back(of_output.begin(), of_output.end());
    }
    offsets.assign(all.begin(), all.end());
}

KeySwitches periodic_map_switches(const MapShape& shape, long baby) {
    const auto inputs = static_cast<double>(shape.inputs);
    KeySwitches switches;
    switches.decompositions = inputs;
    switches.hoisted = inputs * nonzero_baby_steps(shape.offsets, shape.stride, baby);
    for (const auto& offsets : shape.output_offsets) {
        switches.summed += nonzero_giant_steps(offsets, shape.stride, baby);
    }
    switches.divisions = static_cast<double>(shape.output_offsets.size());
    return switches;
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
