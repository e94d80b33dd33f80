#include "polyformer/ckks/circuits/rotated_sum.h"

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

}  // namespace polyformer::ckks
