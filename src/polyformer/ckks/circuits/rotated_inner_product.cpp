#include "polyformer/ckks/circuits/rotated_inner_product.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/rotations/rotated_sum.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

/// Baby steps in [begin, end).
struct BabyRange {
    long begin = std::numeric_limits<long>::max();
    long end = std::numeric_limits<long>::min();

    void include(const BabyRange& other) {
        begin = std::min(begin, other.begin);
        end = std::max(end, other.end);
    }
    std::vector<long> steps() const {
        std::vector<long> all(static_cast<std::size_t>(end - begin));
        std::iota(all.begin(), all.end(), begin);
        return all;
    }
};

/// The terms of one outer rotation.
struct Group {
    long left_shift = 0;   ///< b
    long right_shift = 0;  ///< c
    BabyRange babies;
};

/// The terms by their outer rotations, and what becomes of the operands.
struct Split {
    std::vector<Group> groups;         ///< ascending in c, then in b
    std::map<long, BabyRange> lefts;   ///< by b: all baby steps of L_b
    std::map<long, BabyRange> rights;  ///< by c: all baby steps of R_c
};

Split split(const RotatedInnerProduct& product) {
    require(product.baby > 0 && product.left_shifts > 0,
            "baby-step number {} and number of left shifts {} must be positive", product.baby, product.left_shifts);
    require(product.first < product.last, "a rotated inner product over [{}, {}) has no terms", product.first,
            product.last);
    Split result;
    const long first = floor_divide(product.first, product.baby).quotient;
    const long last = floor_divide(product.last - 1, product.baby).quotient;
    for (long digits = first; digits <= last; ++digits) {
        const long base = digits * product.baby;
        const FloorDivision shifts = floor_divide(digits, product.left_shifts);
        const Group group{shifts.remainder,
                          shifts.quotient,
                          {std::max(product.first - base, 0L), std::min(product.last - base, product.baby)}};
        result.lefts[group.left_shift].include(group.babies);
        result.rights[group.right_shift].include(group.babies);
        result.groups.push_back(group);
    }
    return result;
}

long shift_of_left(const RotatedInnerProduct& product, long b) {
    return product.baby * b * (product.left_step - product.right_step);
}

long shift_of_right(const RotatedInnerProduct& product, long c) {
    return product.baby * product.left_shifts * c * (product.right_step - product.left_step) + product.right_offset;
}

long outer_shift(const RotatedInnerProduct& product, const Group& group) {
    return product.baby *
           (group.left_shift * product.right_step + product.left_shifts * group.right_shift * product.left_step);
}

/// Rotations of several ciphertexts by shifts and then by baby steps; they are decomposed once for all shifts, and for
/// the baby steps of the shift by 0.
class ShiftedOperands {
  public:
    ShiftedOperands(const Evaluator& evaluator, std::span<const Ciphertext> operands,
                    const RotatedInnerProduct& product)
        : evaluator_(evaluator), operands_(operands), inner_(product.inner) {}

    /// By operand, then by baby step.
    std::vector<std::vector<Ciphertext>> rotations(long shift, long step, const BabyRange& babies) {
        shift = normalised_step(shift, operands_.front().slots);
        if (shift == 0 && babies.end == 1) return baby_rotations(evaluator_, copies(), step, babies.steps(), inner_);
        if (hoisted_.empty()) hoisted_ = hoist_all(evaluator_, copies());
        if (shift == 0) return baby_rotations(evaluator_, hoisted_, step, babies.steps(), inner_);
        return baby_rotations(evaluator_, evaluator_.rotate(std::span<const HoistedCiphertext>(hoisted_), shift), step,
                              babies.steps(), inner_);
    }

  private:
    std::vector<Ciphertext> copies() const { return {operands_.begin(), operands_.end()}; }

    const Evaluator& evaluator_;
    std::span<const Ciphertext> operands_;
    long inner_;
    std::vector<HoistedCiphertext> hoisted_;
};

std::span<const Ciphertext> of(const Group& group, const BabyRange& range, const std::vector<Ciphertext>& rotations) {
    return std::span(rotations).subspan(static_cast<std::size_t>(group.babies.begin - range.begin),
                                        static_cast<std::size_t>(group.babies.end - group.babies.begin));
}

}  // namespace

KeyRequest RotatedInnerProduct::key_request(const Parameters& parameters, int level) const {
    KeyRequest request;
    request.add_relinearisation(parameters, level);
    const Split parts = split(*this);
    const auto add = [&](long shift, long step, const BabyRange& babies) {
        request.add_rotation(parameters, shift, level);
        for (const long baby_step : baby_keys(babies.steps(), inner)) {
            request.add_rotation(parameters, baby_step * step, level);
        }
    };
    for (const auto& [b, babies] : parts.lefts) add(shift_of_left(*this, b), left_step, babies);
    for (const auto& [c, babies] : parts.rights) add(shift_of_right(*this, c), right_step, babies);
    for (const Group& group : parts.groups) request.add_rotation(parameters, outer_shift(*this, group), level);
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
    const Split parts = split(product);
    using Rotations = std::vector<std::vector<Ciphertext>>;
    std::map<long, Rotations> lefts;
    ShiftedOperands shifted_left(evaluator, left, product);
    for (const auto& [b, babies] : parts.lefts) {
        lefts[b] = shifted_left.rotations(shift_of_left(product, b), product.left_step, babies);
    }
    ShiftedOperands shifted_right(evaluator, right, product);
    std::vector<RotatedSum> totals(left.size(), RotatedSum(evaluator));
    Rotations rights;
    for (std::size_t g = 0; g < parts.groups.size(); ++g) {
        const Group& group = parts.groups[g];
        const BabyRange& babies = parts.rights.at(group.right_shift);
        if (g == 0 || group.right_shift != parts.groups[g - 1].right_shift) {
            rights.clear();
            rights = shifted_right.rotations(shift_of_right(product, group.right_shift), product.right_step, babies);
        }
        std::vector<Ciphertext> products;
        for (std::size_t i = 0; i < left.size(); ++i) {
            products.push_back(evaluator.inner_product_lazily(
                of(group, parts.lefts.at(group.left_shift), lefts.at(group.left_shift)[i]),
                of(group, babies, rights[i])));
        }
        std::vector<RotatedSum> sums(left.size(), RotatedSum(evaluator));
        std::vector<ExtendedCiphertext> relinearised = evaluator.relinearise_extended(products);
        for (std::size_t i = 0; i < left.size(); ++i) sums[i].add(std::move(relinearised[i]));
        add_rotated(evaluator, sums, outer_shift(product, group), totals);
    }
    std::vector<Ciphertext> results;
    for (const RotatedSum& total : totals) results.push_back(total.result(1));
    return results;
}

}  // namespace polyformer::ckks
