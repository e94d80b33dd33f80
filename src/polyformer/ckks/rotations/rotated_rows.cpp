#include "polyformer/ckks/rotations/rotated_rows.h"

#include <algorithm>
#include <array>
#include <utility>

#include "polyformer/ckks/evaluator/evaluator_checks.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/key_switching/key_product.h"
#include "polyformer/ckks/ring/automorphism.h"

namespace polyformer::ckks {

namespace {

bool all_identities(std::span<const long> steps, long stride, std::size_t slots) {
    return std::ranges::all_of(steps, [&](long step) { return normalised_step(stride * step, slots) == 0; });
}

}  // namespace

RotatedRows::RotatedRows(const Evaluator& evaluator, Ciphertext input, long stride, std::span<const long> baby_steps,
                         long inner, const AutomorphismCache& automorphisms, KeyRole role)
    : parameters_(evaluator.parameters()), role_(role) {
    check_two_components(parameters_, input, "rotation");
    check_key_set(evaluator.keys(), input, "rotation");
    rotations_.resize(baby_steps.size());
    const std::vector<BabyStage> stages = baby_stages(baby_steps, inner);
    const bool as_it_is = std::ranges::all_of(stages, [&](const BabyStage& stage) {
        return all_identities(stage.residues, stride, input.slots) && all_identities(stage.rests, stride, input.slots);
    });
    sources_.push_back(as_it_is ? HoistedCiphertext{std::move(input), {}} : evaluator.hoist(std::move(input), role));
    for (const BabyStage& stage : stages) add_stage(evaluator, stage, stride, baby_steps, automorphisms);
}

void RotatedRows::add_stage(const Evaluator& evaluator, const BabyStage& stage, long stride,
                            std::span<const long> baby_steps, const AutomorphismCache& automorphisms) {
    const std::size_t slots = sources_.front().ciphertext.slots;
    const int level = sources_.front().ciphertext.level;
    for (const long residue : stage.residues) {
        std::size_t source = 0;
        if (normalised_step(stride * residue, slots) != 0) {
            source = sources_.size();
            Ciphertext rotated = evaluator.rotate(sources_.front(), stride * residue);
            const bool as_it_is = all_identities(stage.rests, stride, slots);
            sources_.push_back(as_it_is ? HoistedCiphertext{std::move(rotated), {}}
                                        : evaluator.hoist(std::move(rotated), role_));
        }
        for (const long rest : stage.rests) {
            Rotation rotation{.source = source};
            if (normalised_step(stride * rest, slots) != 0) {
                const auto [key_step, key] =
                    find_rotation_key(parameters_, evaluator.keys(), slots, stride * rest, level, role_);
                rotation.key = key;
                rotation.permutation =
                    &automorphisms.permutation(rotation_galois_element(parameters_.ring_dimension(), key_step));
            }
            const auto place = std::ranges::lower_bound(baby_steps, residue + rest) - baby_steps.begin();
            rotations_[static_cast<std::size_t>(place)] = rotation;
        }
    }
}

void RotatedRows::compute(std::size_t row, RnsPolynomial& out) const {
    const std::size_t n = parameters_.ring_dimension();
    const int level = sources_.front().ciphertext.level;
    const Modulus& modulus = parameters_.row(level, row).modulus();
    // P·c is 0 modulo the special primes.
    const bool special = row > static_cast<std::size_t>(level);
    const std::uint64_t p = special ? 0 : parameters_.special_product(special_count(parameters_, role_), modulus);
    std::vector<std::vector<const std::uint64_t*>> digits;
    for (const HoistedCiphertext& source : sources_) {
        auto& of_source = digits.emplace_back();
        for (const RnsPolynomial& digit : source.digits) of_source.push_back(digit.limb(row).data());
    }
    RnsPolynomial product = RnsPolynomial::uninitialised(n, 2);
    for (std::size_t k = 0; k < rotations_.size(); ++k) {
        const Rotation& rotation = rotations_[k];
        const Ciphertext& source = sources_[rotation.source].ciphertext;
        const std::array<std::uint64_t*, 2> target{out.limb(k).data(), out.limb(rotations_.size() + k).data()};
        if (rotation.key == nullptr) {
            for (std::size_t c = 0; c < 2; ++c) {
                if (special) {
                    std::fill_n(target[c], n, 0);
                } else {
                    kernels().multiply_scalar(target[c], source.components[c].limb(row).data(), p, n, modulus);
                }
            }
            continue;
        }
        const std::array<std::uint64_t*, 2> halves{product.limb(0).data(), product.limb(1).data()};
        multiply_row_by_key(parameters_, digits[rotation.source], *rotation.key, row, level, halves);
        if (!special) {
            kernels().multiply_scalar_add(halves[0], source.components[0].limb(row).data(), p, n, modulus);
        }
        for (std::size_t c = 0; c < 2; ++c) {
            kernels().permute(target[c], halves[c], rotation.permutation->data(), n);
        }
    }
}

}  // namespace polyformer::ckks
