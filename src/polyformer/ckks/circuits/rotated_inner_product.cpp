#include "polyformer/ckks/circuits/rotated_inner_product.h"

#include <algorithm>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/rotations/rotated_sum.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

/// The terms r = baby_step + baby·giant with one giant step: baby steps in [begin, end).
struct Group {
    long giant = 0;
    long begin = 0;
    long end = 0;
};

std::vector<Group> groups_of(const RotatedInnerProduct& product) {
    require(product.baby > 0, "baby-step number {} must be positive", product.baby);
    require(product.first < product.last, "a rotated inner product over [{}, {}) has no terms", product.first,
            product.last);
    std::vector<Group> groups;
    const long first_giant = floor_divide(product.first, product.baby).quotient;
    const long last_giant = floor_divide(product.last - 1, product.baby).quotient;
    for (long giant = first_giant; giant <= last_giant; ++giant) {
        const long base = giant * product.baby;
        groups.push_back({giant, std::max(product.first - base, 0L), std::min(product.last - base, product.baby)});
    }
    return groups;
}

/// The range of baby steps that some group uses.
Group all_baby_steps(std::span<const Group> groups) {
    Group all{0, groups.front().begin, groups.front().end};
    for (const Group& group : groups) {
        all.begin = std::min(all.begin, group.begin);
        all.end = std::max(all.end, group.end);
    }
    return all;
}

long giant_shift_of_right(const RotatedInnerProduct& product, long giant) {
    return product.baby * giant * (product.right_step - product.left_step) + product.right_offset;
}

std::vector<HoistedCiphertext> hoist_all(const Evaluator& evaluator, std::span<const Ciphertext> ciphertexts) {
    std::vector<HoistedCiphertext> hoisted;
    for (const Ciphertext& ciphertext : ciphertexts) hoisted.push_back(evaluator.hoist(ciphertext));
    return hoisted;
}

std::vector<long> baby_steps(const Group& group) {
    std::vector<long> steps;
    for (long step = group.begin; step < group.end; ++step) steps.push_back(step);
    return steps;
}

}  // namespace

KeyRequest RotatedInnerProduct::key_request(const Parameters& parameters, int level) const {
    KeyRequest request;
    request.add_relinearisation(parameters, level);
    for (const Group& group : groups_of(*this)) {
        for (const long step : baby_keys(baby_steps(group), inner)) {
            request.add_rotation(parameters, step * left_step, level);
            request.add_rotation(parameters, step * right_step, level);
        }
        request.add_rotation(parameters, giant_shift_of_right(*this, group.giant), level);
        request.add_rotation(parameters, baby * group.giant * left_step, level);
    }
    return request;
}

std::vector<Ciphertext> apply_rotated_inner_product(const Evaluator& evaluator, const RotatedInnerProduct& product,
                                                    std::span<const Ciphertext> left,
                                                    std::span<const Ciphertext> right) {
    require(left.size() == right.size() && !left.empty(), "rotated inner products of {} left and {} right operands",
            left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
        require(left[i].slots == right[i].slots && left[i].slots == left[0].slots,
                "operands of rotated inner products have {} and {} slots, the first {}", left[i].slots, right[i].slots,
                left[0].slots);
    }
    const std::vector<Group> groups = groups_of(product);
    const Group all = all_baby_steps(groups);
    const auto lefts = baby_rotations(evaluator, left, product.left_step, baby_steps(all), product.inner);

    std::vector<HoistedCiphertext> hoisted_right;
    std::vector<RotatedSum> totals(left.size(), RotatedSum(evaluator));
    std::vector<RotatedSum*> all_totals;
    for (RotatedSum& total : totals) all_totals.push_back(&total);
    for (const Group& group : groups) {
        const long shift = normalised_step(giant_shift_of_right(product, group.giant), right[0].slots);
        if (shift != 0 && hoisted_right.empty()) hoisted_right = hoist_all(evaluator, right);
        const std::vector<Ciphertext> shifted =
            shift == 0 ? std::vector(right.begin(), right.end())
                       : evaluator.rotate(std::span<const HoistedCiphertext>(hoisted_right), shift);
        const auto rights = baby_rotations(evaluator, shifted, product.right_step, baby_steps(group), product.inner);
        std::vector<Ciphertext> sums;
        for (std::size_t i = 0; i < left.size(); ++i) {
            const auto used =
                std::span(lefts[i]).subspan(static_cast<std::size_t>(group.begin - all.begin), rights[i].size());
            sums.push_back(evaluator.inner_product(used, rights[i]));
        }
        add_rotated(evaluator, sums, product.baby * group.giant * product.left_step, all_totals);
    }
    std::vector<Ciphertext> results;
    for (const RotatedSum& total : totals) results.push_back(total.result(1));
    return results;
}

}  // namespace polyformer::ckks
