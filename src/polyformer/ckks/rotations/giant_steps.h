// The giant steps of several sums that share their keys, each sum made when it is its turn.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "polyformer/ckks/rotations/rotated_sum.h"

namespace polyformer::ckks {

/// (output, giant step) for the giant steps with indices begin … end − 1; none where there is nothing to add.
using GiantSums = std::function<std::vector<std::optional<Ciphertext>>(std::size_t begin, std::size_t end)>;

/// How giant steps are taken.
struct GiantRotations {
    std::span<const long> steps;  ///< ascending
    long distance = 1;            ///< by which slots one of them rotates
    bool horner = false;
    std::size_t at_a_time = 1;  ///< so many of them lie in memory together
};

/// totals[output] += Σ_g rot_{distance·steps[g]}(sums(output, g)). By Horner's rule what is summed so far goes to the
/// next step by the same key again and again, from both ends to GiantChain's base, each time divided by P.
void add_giant_steps(const Evaluator& evaluator, const GiantRotations& giants, const GiantSums& sums,
                     std::span<RotatedSum> totals);

}  // namespace polyformer::ckks
