#include "polyformer/ckks/rotations/rotated_sum.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

void RotatedSum::add(const Ciphertext& a, long step) {
    const long normalised = normalised_step(step, a.slots);
    if (normalised == 0) {
        unrotated_ = unrotated_ ? evaluator_->add(*unrotated_, a) : a;
    } else {
        add(std::move(evaluator_->rotate_extended(std::span(&a, 1), normalised).front()));
    }
}

void RotatedSum::add(ExtendedCiphertext a) {
    check_extended(evaluator_->parameters(), a);
    if (!rotated_) {
        rotated_ = std::move(a);
        return;
    }
    require(a.level == rotated_->level && a.slots == rotated_->slots,
            "cannot add a rotation at level {} with {} slots to one at level {} with {} slots", a.level, a.slots,
            rotated_->level, rotated_->slots);
    const Parameters& parameters = evaluator_->parameters();
    parallel_for(a.components[0].limbs(), [&](std::size_t row) {
        const Modulus& q = parameters.row(a.level, row).modulus();
        for (std::size_t c = 0; c < 2; ++c) {
            std::uint64_t* sum = rotated_->components[c].limb(row).data();
            kernels().add(sum, sum, a.components[c].limb(row).data(), parameters.ring_dimension(), q);
        }
    });
}

void RotatedSum::rotate(long step) {
    if (empty()) return;
    const Ciphertext sum = result();
    rotated_.reset();
    unrotated_.reset();
    add(sum, step);
}

Ciphertext RotatedSum::result(int rescaled_levels) const {
    require(rotated_ || unrotated_, "a sum of rotations has no terms");
    if (!rotated_) return evaluator_->rescale(*unrotated_, rescaled_levels);
    return evaluator_->divide_by_special(*rotated_, unrotated_ ? &*unrotated_ : nullptr, rescaled_levels);
}

std::vector<std::vector<Ciphertext>> rotations(const Evaluator& evaluator, std::span<const Ciphertext> ciphertexts,
                                               std::span<const long> steps) {
    std::vector<std::vector<Ciphertext>> results(ciphertexts.size());
    std::vector<HoistedCiphertext> hoisted;
    for (const long wanted : steps) {
        const long step = normalised_step(wanted, ciphertexts.front().slots);
        if (step != 0 && hoisted.empty()) {
            for (const Ciphertext& ciphertext : ciphertexts) hoisted.push_back(evaluator.hoist(ciphertext));
        }
        std::vector<Ciphertext> rotated = step == 0
                                              ? std::vector(ciphertexts.begin(), ciphertexts.end())
                                              : evaluator.rotate(std::span<const HoistedCiphertext>(hoisted), step);
        for (std::size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(rotated[i]));
    }
    return results;
}

std::vector<std::vector<Ciphertext>> baby_rotations(const Evaluator& evaluator,
                                                    std::span<const Ciphertext> ciphertexts, long stride,
                                                    std::span<const long> baby_steps, long inner) {
    const auto strides = [&](std::span<const long> steps) {
        std::vector<long> result;
        for (const long step : steps) result.push_back(stride * step);
        return result;
    };
    if (inner == 1) return rotations(evaluator, ciphertexts, strides(baby_steps));
    std::vector<std::vector<Ciphertext>> results(ciphertexts.size(), std::vector<Ciphertext>(baby_steps.size()));
    for (const BabyStage& stage : baby_stages(baby_steps, inner)) {
        std::vector<Ciphertext> intermediates;
        for (auto& of_one : rotations(evaluator, ciphertexts, strides(stage.residues))) {
            std::ranges::move(of_one, std::back_inserter(intermediates));
        }
        auto rotated = rotations(evaluator, intermediates, strides(stage.rests));
        for (std::size_t k = 0; k < rotated.size(); ++k) {
            const std::size_t residues = stage.residues.size();
            for (std::size_t rest = 0; rest < stage.rests.size(); ++rest) {
                const long step = stage.residues[k % residues] + stage.rests[rest];
                const auto place = std::ranges::lower_bound(baby_steps, step) - baby_steps.begin();
                results[k / residues][static_cast<std::size_t>(place)] = std::move(rotated[k][rest]);
            }
        }
    }
    return results;
}

void add_rotated(const Evaluator& evaluator, std::span<const Ciphertext> terms, long step,
                 std::span<RotatedSum* const> totals) {
    if (terms.empty()) return;
    const long normalised = normalised_step(step, terms.front().slots);
    if (normalised == 0) {
        for (std::size_t i = 0; i < terms.size(); ++i) totals[i]->add(terms[i], 0);
        return;
    }
    std::vector<ExtendedCiphertext> rotated = evaluator.rotate_extended(terms, normalised);
    for (std::size_t i = 0; i < rotated.size(); ++i) totals[i]->add(std::move(rotated[i]));
}

void add_rotated(const Evaluator& evaluator, std::span<const RotatedSum> sums, long step,
                 std::span<RotatedSum> totals) {
    std::vector<Ciphertext> terms;
    std::vector<RotatedSum*> used;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        if (sums[i].empty()) continue;
        terms.push_back(sums[i].result());
        used.push_back(&totals[i]);
    }
    add_rotated(evaluator, terms, step, used);
}

}  // namespace polyformer::ckks
