#include "polyformer/ckks/rotations/giant_steps.h"

#include <algorithm>
#include <utility>

#include "polyformer/ckks/rotations/baby_giant.h"

namespace polyformer::ckks {

namespace {

std::vector<RotatedSum> no_sums(const Evaluator& evaluator, std::size_t count) {
    return std::vector<RotatedSum>(count, RotatedSum(evaluator));
}

/// All sums rotated `times` times.
void rotate_all(const Evaluator& evaluator, std::vector<RotatedSum>& sums, long step, long times) {
    for (long k = 0; k < times; ++k) {
        std::vector<RotatedSum> rotated = no_sums(evaluator, sums.size());
        add_rotated(evaluator, sums, step, rotated);
        sums = std::move(rotated);
    }
}

/// `visit` for the giant steps first … last − 1, the sums of `at_a_time` of them in memory: upwards or downwards.
template <class Visit>
void for_each_giant(const GiantRotations& giants, const GiantSums& sums, std::size_t first, std::size_t last,
                    bool downwards, Visit visit) {
    for (std::size_t done = first; done < last; done += giants.at_a_time) {
        const std::size_t count = std::min(giants.at_a_time, last - done);
        const std::size_t begin = downwards ? last - (done - first) - count : done;
        std::vector<std::optional<Ciphertext>> batch = sums(begin, begin + count);
        for (std::size_t k = 0; k < count; ++k) {
            const std::size_t giant = downwards ? count - 1 - k : k;
            std::vector<std::optional<Ciphertext>> of_giant;
            for (std::size_t i = giant; i < batch.size(); i += count) of_giant.push_back(std::move(batch[i]));
            visit(giants.steps[begin + giant], std::move(of_giant));
        }
    }
}

void add_directly(const Evaluator& evaluator, const GiantRotations& giants, const GiantSums& sums,
                  std::span<RotatedSum> totals) {
    for_each_giant(giants, sums, 0, giants.steps.size(), false,
                   [&](long giant, std::vector<std::optional<Ciphertext>> of_giant) {
                       std::vector<Ciphertext> terms;
                       std::vector<RotatedSum*> used;
                       for (std::size_t output = 0; output < totals.size(); ++output) {
                           if (!of_giant[output]) continue;
                           terms.push_back(std::move(*of_giant[output]));
                           used.push_back(&totals[output]);
                       }
                       add_rotated(evaluator, terms, giants.distance * giant, used);
                   });
}

/// The giant steps first … last − 1, all on one side of the base, the farthest first.
void add_side(const Evaluator& evaluator, const GiantRotations& giants, const GiantChain& chain, const GiantSums& sums,
              std::size_t first, std::size_t last, std::span<RotatedSum> totals) {
    if (first == last) return;
    const bool downwards = giants.steps[first] > chain.base;
    const long step = (downwards ? chain.unit : -chain.unit) * giants.distance;
    std::vector<RotatedSum> so_far = no_sums(evaluator, totals.size());
    long left = 0;
    for_each_giant(giants, sums, first, last, downwards,
                   [&](long giant, std::vector<std::optional<Ciphertext>> of_giant) {
                       const long rotations = chain.rotations(giant);
                       rotate_all(evaluator, so_far, step, left - rotations);
                       left = rotations;
                       for (std::size_t output = 0; output < totals.size(); ++output) {
                           if (of_giant[output]) so_far[output].add(*of_giant[output], 0);
                       }
                   });
    rotate_all(evaluator, so_far, step, left - 1);
    add_rotated(evaluator, so_far, step, totals);
}

}  // namespace

void add_giant_steps(const Evaluator& evaluator, const GiantRotations& giants, const GiantSums& sums,
                     std::span<RotatedSum> totals) {
    if (giants.steps.empty()) return;
    if (!giants.horner) return add_directly(evaluator, giants, sums, totals);
    const GiantChain chain(giants.steps);
    const auto lower = std::ranges::lower_bound(giants.steps, chain.base) - giants.steps.begin();
    const auto upper = std::ranges::upper_bound(giants.steps, chain.base) - giants.steps.begin();
    const auto below = static_cast<std::size_t>(lower);
    const auto above = static_cast<std::size_t>(upper);
    std::vector<RotatedSum> at_base = no_sums(evaluator, totals.size());
    add_side(evaluator, giants, chain, sums, 0, below, at_base);
    add_side(evaluator, giants, chain, sums, above, giants.steps.size(), at_base);
    for_each_giant(giants, sums, below, above, false, [&](long, std::vector<std::optional<Ciphertext>> of_giant) {
        for (std::size_t output = 0; output < totals.size(); ++output) {
            if (of_giant[output]) at_base[output].add(*of_giant[output], 0);
        }
    });
    if (chain.base != 0) return add_rotated(evaluator, at_base, chain.base * giants.distance, totals);
    for (std::size_t output = 0; output < totals.size(); ++output) {
        if (!at_base[output].empty()) totals[output].add(std::move(at_base[output]));
    }
}

}  // namespace polyformer::ckks
