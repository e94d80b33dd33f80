#include "polyformer/ckks/circuits/rotated_rows.h"

#include <algorithm>
#include <array>

#include "polyformer/ckks/evaluator/evaluator_checks.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/key_switching/key_product.h"
#include "polyformer/ckks/ring/automorphism.h"

namespace polyformer::ckks {

namespace {

bool all_identities(std::span<const long> steps, std::size_t slots) {
    return std::all_of(steps.begin(), steps.end(), [&](long step) { return normalised_step(step, slots) == 0; });
}

}  // namespace

RotatedRows::RotatedRows(const Evaluator& evaluator, const Ciphertext& input, std::span<const long> steps,
                         const AutomorphismCache& automorphisms)
    : parameters_(evaluator.parameters()) {
    check_two_components(parameters_, input, "rotation");
    check_key_set(evaluator.keys(), input, "rotation");
    for (const long step : steps) {
        if (normalised_step(step, input.slots) == 0) {
            rotations_.push_back({nullptr, nullptr});
            continue;
        }
        const auto [key_step, key] = find_rotation_key(parameters_, evaluator.keys(), input.slots, step, input.level);
        rotations_.push_back(
            {key, &automorphisms.permutation(rotation_galois_element(parameters_.ring_dimension(), key_step))});
    }
    hoisted_ = all_identities(steps, input.slots) ? HoistedCiphertext{input, {}} : evaluator.hoist(input);
}

void RotatedRows::compute(std::size_t row, RnsPolynomial& out) const {
    const std::size_t n = parameters_.ring_dimension();
    const int level = hoisted_.ciphertext.level;
    const Modulus& modulus = parameters_.row(level, row).modulus();
    // P·c is 0 modulo the special primes.
    const bool special = row > static_cast<std::size_t>(level);
    const std::uint64_t p = special ? 0 : parameters_.special_product(parameters_.special_count(), modulus);
    std::vector<const std::uint64_t*> digits;
    for (const RnsPolynomial& digit : hoisted_.digits) digits.push_back(digit.limb(row).data());
    RnsPolynomial product = RnsPolynomial::uninitialised(n, 2);
    for (std::size_t k = 0; k < rotations_.size(); ++k) {
        const Rotation& rotation = rotations_[k];
        const std::array<std::uint64_t*, 2> target{out.limb(k).data(), out.limb(rotations_.size() + k).data()};
        if (rotation.key == nullptr) {
            for (std::size_t c = 0; c < 2; ++c) {
                if (special) {
                    std::fill_n(target[c], n, 0);
                } else {
                    kernels().multiply_scalar(target[c], hoisted_.ciphertext.components[c].limb(row).data(), p, n,
                                              modulus);
                }
            }
            continue;
        }
        const std::array<std::uint64_t*, 2> halves{product.limb(0).data(), product.limb(1).data()};
        multiply_row_by_key(parameters_, digits, *rotation.key, row, level, halves);
        if (!special) {
            kernels().multiply_scalar_add(halves[0], hoisted_.ciphertext.components[0].limb(row).data(), p, n, modulus);
        }
        for (std::size_t c = 0; c < 2; ++c) {
            kernels().permute(target[c], halves[c], rotation.permutation->data(), n);
        }
    }
}

}  // namespace polyformer::ckks
