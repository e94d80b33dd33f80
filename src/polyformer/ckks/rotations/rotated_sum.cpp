#include "polyformer/ckks/rotations/rotated_sum.h"

#include <algorithm>
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

void RotatedSum::add(RotatedSum other) {
    if (other.rotated_) add(std::move(*other.rotated_));
    if (other.unrotated_) add(*other.unrotated_, 0);
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

std::vector<std::vector<Ciphertext>> baby_rotations(const Evaluator& evaluator, std::span<const Ciphertext> ciphertexts,
                                                    long stride, std::span<const long> baby_steps, long inner) {
    if (inner == 1) {
        std::vector<long> steps;
        for (const long step : baby_steps) steps.push_back(stride * step);
        return rotations(evaluator, ciphertexts, steps);
    }
    const std::size_t inputs = ciphertexts.size();
    std::vector<std::vector<Ciphertext>> results(inputs, std::vector<Ciphertext>(baby_steps.size()));
    // The inputs, and those of their rotations that are rotated once more.
    std::vector<HoistedCiphertext> hoisted;
    for (const Ciphertext& ciphertext : ciphertexts) hoisted.push_back(evaluator.hoist(ciphertext));
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
