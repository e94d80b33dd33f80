#include <algorithm>
#include <bit>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/scheme/evaluator.h"
#include "polyformer/ckks/scheme/evaluator_checks.h"
#include "polyformer/ckks/scheme/evaluator_tables.h"
#include "polyformer/ckks/scheme/key_switching.h"
#include "polyformer/support/error.h"
#include "polyformer/support/parallel.h"

// Automorphisms. With φ: X → X^g, a ciphertext (c_0, c_1) under s becomes (φ(c_0), φ(c_1)) under φ(s). Instead of
// permuting c_1 and switching from φ(s) to s, we switch first, with a key from s to φ⁻¹(s), and permute the two
// results: (d_0, d_1) with d_0 + d_1·φ⁻¹(s) ≈ c_1·s gives φ(c_0 + d_0) + φ(d_1)·s ≈ φ(c_0) + φ(c_1)·φ(s). So the digits
// of a hoisted decomposition are never permuted, only two polynomials a rotation (Bossuat et al., ePrint 2020/1203,
// §4).
namespace polyformer::ckks {

namespace {

bool is_identity(const Ciphertext& a, std::size_t max_slots, long step) {
    return step % static_cast<long>(std::clamp<std::size_t>(a.slots, 1, max_slots)) == 0;
}

}  // namespace

Ciphertext Evaluator::rotate(const Ciphertext& a, long step) const {
    check_two_components(parameters_, a, "rotation");
    check_key_set(*keys_, a, "rotation");
    if (is_identity(a, parameters_.slots(), step)) return a;
    const auto [key_step, key] = find_rotation_key(parameters_, *keys_, a.slots, step, a.level);
    return rescaled_pair(
        a, ckks::switch_key(parameters_, a.components[1], *key, a.level,
                            permuted(a, rotation_galois_element(parameters_.ring_dimension(), key_step))));
}

Ciphertext Evaluator::conjugate(const Ciphertext& a) const {
    check_two_components(parameters_, a, "conjugation");
    check_key_set(*keys_, a, "conjugation");
    const SwitchingKey& key = require_key(keys_->conjugation, a.level, "conjugation");
    return rescaled_pair(a, ckks::switch_key(parameters_, a.components[1], key, a.level,
                                             permuted(a, conjugation_galois_element(parameters_.ring_dimension()))));
}

/// Of a key switch of c_1: c_0 is added and the automorphism follows.
Ending Evaluator::permuted(const Ciphertext& a, std::uint64_t galois_element) const {
    return {.addends = {&a.components[0], nullptr}, .permutation = &tables_->automorphisms.permutation(galois_element)};
}

HoistedCiphertext Evaluator::hoist(Ciphertext a) const {
    check_two_components(parameters_, a, "hoisting");
    const int width = parameters_.special_count();
    std::vector<RnsPolynomial> digits = decompose(parameters_, a.components[1], a.level, width, width);
    return {std::move(a), std::move(digits)};
}

/// What a rotation of several ciphertexts takes besides their digits.
struct Evaluator::RotationBatch {
    const SwitchingKey* key;
    std::vector<Ending> endings;
};

Evaluator::RotationBatch Evaluator::rotation_batch(std::span<const Ciphertext* const> a, long step) const {
    const Ciphertext& first = *a.front();
    const auto [key_step, key] = find_rotation_key(parameters_, *keys_, first.slots, step, first.level);
    RotationBatch batch{.key = key, .endings = {}};
    for (const Ciphertext* ciphertext : a) {
        check_two_components(parameters_, *ciphertext, "rotation");
        check_operands(parameters_, first, *ciphertext, "rotation");
        require(ciphertext->slots == first.slots, "ciphertexts of {} and {} slots cannot be rotated together",
                first.slots, ciphertext->slots);
        batch.endings.push_back(permuted(*ciphertext, rotation_galois_element(parameters_.ring_dimension(), key_step)));
    }
    return batch;
}

namespace {

std::vector<const Ciphertext*> ciphertexts_of(std::span<const HoistedCiphertext> hoisted) {
    std::vector<const Ciphertext*> result;
    for (const HoistedCiphertext& one : hoisted) result.push_back(&one.ciphertext);
    return result;
}

std::vector<std::span<const RnsPolynomial>> digits_of(std::span<const HoistedCiphertext> hoisted) {
    std::vector<std::span<const RnsPolynomial>> result;
    for (const HoistedCiphertext& one : hoisted) result.emplace_back(one.digits);
    return result;
}

/// With a's attributes and these components.
ExtendedCiphertext extended_like(const Ciphertext& a, PolynomialPair components) {
    return {.components = std::move(components),
            .level = a.level,
            .scale = a.scale,
            .slots = a.slots,
            .key_fingerprint = a.key_fingerprint};
}

}  // namespace

Ciphertext Evaluator::rotate(const HoistedCiphertext& a, long step) const {
    return std::move(rotate(std::span(&a, 1), step).front());
}

std::vector<Ciphertext> Evaluator::rotate(std::span<const HoistedCiphertext> a, long step) const {
    std::vector<Ciphertext> results;
    if (a.empty()) return results;
    const Ciphertext& first = a.front().ciphertext;
    check_key_set(*keys_, first, "rotation");
    if (is_identity(first, parameters_.slots(), step)) {
        for (const HoistedCiphertext& hoisted : a) results.push_back(hoisted.ciphertext);
        return results;
    }
    const RotationBatch batch = rotation_batch(ciphertexts_of(a), step);
    std::vector<PolynomialPair> pairs =
        ckks::switch_key(parameters_, digits_of(a), *batch.key, first.level, batch.endings);
    for (std::size_t i = 0; i < a.size(); ++i) {
        results.push_back(rescaled_pair(a[i].ciphertext, std::move(pairs[i])));
    }
    return results;
}

ExtendedCiphertext Evaluator::rotate_extended(const HoistedCiphertext& a, long step) const {
    return std::move(rotate_extended(std::span(&a, 1), step).front());
}

std::vector<ExtendedCiphertext> Evaluator::rotate_extended(std::span<const HoistedCiphertext> a, long step) const {
    std::vector<ExtendedCiphertext> results;
    if (a.empty()) return results;
    const Ciphertext& first = a.front().ciphertext;
    check_key_set(*keys_, first, "rotation");
    if (is_identity(first, parameters_.slots(), step)) {
        for (const HoistedCiphertext& hoisted : a) results.push_back(times_special(hoisted.ciphertext));
        return results;
    }
    const RotationBatch batch = rotation_batch(ciphertexts_of(a), step);
    std::vector<PolynomialPair> pairs =
        multiply_by_key(parameters_, digits_of(a), *batch.key, first.level, batch.endings);
    for (std::size_t i = 0; i < a.size(); ++i) {
        results.push_back(extended_like(a[i].ciphertext, std::move(pairs[i])));
    }
    return results;
}

std::vector<ExtendedCiphertext> Evaluator::rotate_extended(std::span<const Ciphertext> a, long step) const {
    std::vector<ExtendedCiphertext> results;
    if (a.empty()) return results;
    check_key_set(*keys_, a.front(), "rotation");
    if (is_identity(a.front(), parameters_.slots(), step)) {
        for (const Ciphertext& ciphertext : a) results.push_back(times_special(ciphertext));
        return results;
    }
    std::vector<const Ciphertext*> ciphertexts;
    std::vector<const RnsPolynomial*> polynomials;
    for (const Ciphertext& ciphertext : a) {
        ciphertexts.push_back(&ciphertext);
        polynomials.push_back(&ciphertext.components.at(1));
    }
    const RotationBatch batch = rotation_batch(ciphertexts, step);
    std::vector<PolynomialPair> pairs =
        multiply_by_key(parameters_, polynomials, *batch.key, a.front().level, batch.endings);
    for (std::size_t i = 0; i < a.size(); ++i) results.push_back(extended_like(a[i], std::move(pairs[i])));
    return results;
}

/// P·a over the extended basis, where it is 0 modulo the special primes.
ExtendedCiphertext Evaluator::times_special(const Ciphertext& a) const {
    check_two_components(parameters_, a, "rotation");
    const std::size_t n = parameters_.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(a.level) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(parameters_.special_count());
    ExtendedCiphertext result = extended_like(a, {RnsPolynomial(n, rows), RnsPolynomial(n, rows)});
    parallel_for(2 * q_rows, [&](std::size_t task) {
        const std::size_t c = task / q_rows;
        const std::size_t row = task % q_rows;
        const Modulus& q = parameters_.q(static_cast<int>(row)).modulus();
        kernels().multiply_scalar(result.components[c].limb(row).data(), a.components[c].limb(row).data(),
                                  special_product(parameters_, parameters_.special_count(), q), n, q);
    });
    return result;
}

Ciphertext Evaluator::divide_by_special(const ExtendedCiphertext& a, const Ciphertext* addend, int levels) const {
    Ciphertext attributes;
    attributes.level = a.level;
    attributes.scale = a.scale;
    attributes.slots = a.slots;
    attributes.key_fingerprint = a.key_fingerprint;
    check_rescaling(attributes, levels);
    Ending ending{.rescaled_levels = levels};
    if (addend != nullptr) {
        check_two_components(parameters_, *addend, "sum");
        require(addend->level == a.level && addend->key_fingerprint == a.key_fingerprint,
                "sum of rotations at level {} under the keys {} and a ciphertext at level {} under the keys {}",
                a.level, a.key_fingerprint, addend->level, addend->key_fingerprint);
        check_same_scale(parameters_, a.level, a.scale, addend->scale, "sum");
        attributes.slots = std::max(a.slots, addend->slots);
        ending.addends = {&addend->components[0], &addend->components[1]};
    }
    return rescaled_pair(
        attributes, ckks::divide_by_special(parameters_, a.components, a.level, parameters_.special_count(), ending),
        levels);
}

Ciphertext Evaluator::sum_slots(const Ciphertext& a, std::size_t count, long stride) const {
    require(std::has_single_bit(count), "slots can be summed in groups of a power of two, not of {}", count);
    Ciphertext sum = a;
    for (std::size_t distance = 1; distance < count; distance *= 2) {
        sum = add(sum, rotate(sum, stride * static_cast<long>(distance)));
    }
    return sum;
}

}  // namespace polyformer::ckks
