// Σ_r rot(left) ⊙ rot(right), both rotations depending on r: see RotatedInnerProduct.
#include <algorithm>
#include <optional>

#include "ckks/baby_giant.h"
#include "ckks/linear_transform.h"
#include "ckks/rotated_sum.h"
#include "support/error.h"

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

/// Rotations of `a` by begin·step, …, (end − 1)·step, sharing one decomposition.
std::vector<Ciphertext> rotations(const Evaluator& evaluator, const Ciphertext& a, long begin, long end, long step) {
    std::vector<Ciphertext> result;
    std::optional<HoistedCiphertext> hoisted;
    for (long index = begin; index < end; ++index) {
        const long by = normalised_step(index * step, a.slots);
        if (by != 0 && !hoisted) hoisted = evaluator.hoist(a);
        result.push_back(by == 0 ? a : evaluator.rotate(*hoisted, by));
    }
    return result;
}

}  // namespace

KeyRequest RotatedInnerProduct::key_request(const Parameters& parameters, int level) const {
    KeyRequest request;
    request.relinearisation_level = level;
    for (const Group& group : groups_of(*this)) {
        for (long index = group.begin; index < group.end; ++index) {
            request.add_rotation(parameters, index * left_step, level);
            request.add_rotation(parameters, index * right_step, level);
        }
        request.add_rotation(parameters, giant_shift_of_right(*this, group.giant), level);
        request.add_rotation(parameters, baby * group.giant * left_step, level);
    }
    return request;
}

static Ciphertext apply_one(const Evaluator& evaluator, const RotatedInnerProduct& product, const Ciphertext& left,
                            const Ciphertext& right) {
    require(left.slots == right.slots, "operands of a rotated inner product have {} and {} slots", left.slots,
            right.slots);
    const std::vector<Group> groups = groups_of(product);
    const Group all = all_baby_steps(groups);
    const std::vector<Ciphertext> lefts = rotations(evaluator, left, all.begin, all.end, product.left_step);

    std::optional<HoistedCiphertext> hoisted_right;
    RotatedSum total(evaluator);
    for (const Group& group : groups) {
        const long shift = normalised_step(giant_shift_of_right(product, group.giant), right.slots);
        if (shift != 0 && !hoisted_right) hoisted_right = evaluator.hoist(right);
        const Ciphertext shifted = shift == 0 ? right : evaluator.rotate(*hoisted_right, shift);
        const std::vector<Ciphertext> rights =
            rotations(evaluator, shifted, group.begin, group.end, product.right_step);
        const auto used = std::span(lefts).subspan(static_cast<std::size_t>(group.begin - all.begin), rights.size());
        total.add(evaluator.inner_product(used, rights), product.baby * group.giant * product.left_step);
    }
    return total.result(1);
}

std::vector<Ciphertext> apply_rotated_inner_product(const Evaluator& evaluator, const RotatedInnerProduct& product,
                                                    std::span<const Ciphertext> left,
                                                    std::span<const Ciphertext> right) {
    require(left.size() == right.size(), "rotated inner products of {} left and {} right operands", left.size(),
            right.size());
    std::vector<Ciphertext> results;
    for (std::size_t i = 0; i < left.size(); ++i) {
        results.push_back(apply_one(evaluator, product, left[i], right[i]));
    }
    return results;
}

}  // namespace polyformer::ckks
