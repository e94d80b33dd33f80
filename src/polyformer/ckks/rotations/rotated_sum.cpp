#include "polyformer/ckks/rotations/rotated_sum.h"

#include <algorithm>
#include <utility>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

void RotatedSum::add(const Ciphertext& a, long step) {
    const long normalised = normalised_step(step, a.slots);
    if (normalised == 0) {
        unrotated_ = unrotated_ ? evaluator_->add(*unrotated_, a) : a;
    } else {
        add(std::move(evaluator_->rotate_extended(std::span(&a, 1), normalised, role_).front()));
    }
}

void RotatedSum::add(ExtendedCiphertext a) {
    check_extended(evaluator_->parameters(), a);
    if (!rotated_) {
        rotated_ = std::move(a);
        return;
    }
    add_extended(evaluator_->parameters(), *rotated_, a);
}

void RotatedSum::add(RotatedSum other) {
    if (other.rotated_) add(std::move(*other.rotated_));
    if (other.unrotated_) add(*other.unrotated_, 0);
}

void RotatedSum::rotate(long step) {
    RotatedSum rotated(*evaluator_, role_);
    add_rotated(*evaluator_, std::span(this, 1), step, std::span(&rotated, 1));
    *this = std::move(rotated);
}

ExtendedCiphertext RotatedSum::extended() && {
    require(!empty(), "a sum of rotations has no terms");
    const Parameters& parameters = evaluator_->parameters();
    if (!rotated_) return times_special(parameters, *unrotated_, special_count(parameters, role_));
    if (unrotated_) add_times_special(parameters, *rotated_, *unrotated_);
    return *std::move(rotated_);
}

Ciphertext RotatedSum::result(int rescaled_levels) const {
    require(rotated_ || unrotated_, "a sum of rotations has no terms");
    if (!rotated_) return evaluator_->rescale(*unrotated_, rescaled_levels);
    return evaluator_->divide_by_special(*rotated_, unrotated_ ? &*unrotated_ : nullptr, rescaled_levels);
}

std::vector<HoistedCiphertext> hoist_all(const Evaluator& evaluator, std::vector<Ciphertext> ciphertexts) {
    std::vector<HoistedCiphertext> hoisted;
    for (Ciphertext& ciphertext : ciphertexts) hoisted.push_back(evaluator.hoist(std::move(ciphertext)));
    return hoisted;
}

namespace {

/// Of hoisted ciphertexts, which step 0 takes away if it may.
std::vector<std::vector<Ciphertext>> rotations(const Evaluator& evaluator, std::span<HoistedCiphertext> hoisted,
                                               long stride, std::span<const long> baby_steps, bool kept) {
    std::vector<std::vector<Ciphertext>> results(hoisted.size(), std::vector<Ciphertext>(baby_steps.size()));
    std::optional<std::size_t> unrotated;
    for (std::size_t k = 0; k < baby_steps.size(); ++k) {
        if (baby_steps[k] == 0 && !kept) {
            unrotated = k;
            continue;
        }
        std::vector<Ciphertext> rotated =
            evaluator.rotate(std::span<const HoistedCiphertext>(hoisted), stride * baby_steps[k]);
        for (std::size_t i = 0; i < results.size(); ++i) results[i][k] = std::move(rotated[i]);
    }
    for (std::size_t i = 0; unrotated && i < results.size(); ++i) {
        results[i][*unrotated] = std::move(hoisted[i].ciphertext);
    }
    return results;
}

}  // namespace

std::vector<std::vector<Ciphertext>> baby_rotations(const Evaluator& evaluator, std::vector<Ciphertext> ciphertexts,
                                                    long stride, std::span<const long> baby_steps, long inner) {
    if (baby_steps.size() == 1 && baby_steps.front() == 0) {
        std::vector<std::vector<Ciphertext>> results(ciphertexts.size());
        for (std::size_t i = 0; i < results.size(); ++i) results[i].push_back(std::move(ciphertexts[i]));
        return results;
    }
    std::vector<HoistedCiphertext> hoisted = hoist_all(evaluator, std::move(ciphertexts));
    return inner == 1 ? rotations(evaluator, hoisted, stride, baby_steps, false)
                      : baby_rotations(evaluator, hoisted, stride, baby_steps, inner);
}

std::vector<std::vector<Ciphertext>> baby_rotations(const Evaluator& evaluator, std::vector<HoistedCiphertext>& hoisted,
                                                    long stride, std::span<const long> baby_steps, long inner) {
    if (inner == 1) return rotations(evaluator, hoisted, stride, baby_steps, true);
    // Behind the ciphertexts come those of their rotations that are rotated once more.
    const std::size_t inputs = hoisted.size();
    std::vector<std::vector<Ciphertext>> results(inputs, std::vector<Ciphertext>(baby_steps.size()));
    for (const BabyStage& stage : baby_stages(baby_steps, inner)) {
        const bool rotated_again = std::ranges::any_of(stage.rests, [](long rest) { return rest != 0; });
        for (const long residue : stage.residues) {
            if (residue == 0) continue;
            for (Ciphertext& rotated :
                 evaluator.rotate(std::span(std::as_const(hoisted)).first(inputs), stride * residue)) {
                hoisted.push_back(rotated_again ? evaluator.hoist(std::move(rotated))
                                                : HoistedCiphertext{std::move(rotated), {}});
            }
        }
        const std::size_t first = stage.residues.front() == 0 ? 0 : inputs;
        for (const long rest : stage.rests) {
            std::vector<Ciphertext> rotated =
                evaluator.rotate(std::span(std::as_const(hoisted)).subspan(first), stride * rest);
            for (std::size_t k = 0; k < rotated.size(); ++k) {
                const long step = stage.residues[k / inputs] + rest;
                const auto place = std::ranges::lower_bound(baby_steps, step) - baby_steps.begin();
                results[k % inputs][static_cast<std::size_t>(place)] = std::move(rotated[k]);
            }
        }
        hoisted.resize(inputs);
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
    std::vector<ExtendedCiphertext> rotated = evaluator.rotate_extended(terms, normalised, totals.front()->role());
    for (std::size_t i = 0; i < rotated.size(); ++i) totals[i]->add(std::move(rotated[i]));
}

void add_rotated(const Evaluator& evaluator, std::span<RotatedSum> sums, long step, std::span<RotatedSum> totals) {
    std::vector<Ciphertext> unrotated;
    std::vector<RotatedSum*> totals_of_unrotated;
    std::vector<ExtendedCiphertext> terms;
    std::vector<RotatedSum*> totals_of_terms;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        if (sums[i].rotated_) {
            terms.push_back(std::move(sums[i]).extended());
            totals_of_terms.push_back(&totals[i]);
        } else if (sums[i].unrotated_) {
            unrotated.push_back(*std::move(sums[i].unrotated_));
            totals_of_unrotated.push_back(&totals[i]);
        }
    }
    add_rotated(evaluator, unrotated, step, totals_of_unrotated);
    if (terms.empty()) return;
    std::vector<ExtendedCiphertext> rotated = evaluator.rotate_extended(terms, step, totals_of_terms.front()->role());
    for (std::size_t i = 0; i < rotated.size(); ++i) totals_of_terms[i]->add(std::move(rotated[i]));
}

}  // namespace polyformer::ckks
