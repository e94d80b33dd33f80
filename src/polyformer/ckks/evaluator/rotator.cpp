#include "polyformer/ckks/evaluator/rotator.h"

#include <utility>

#include "polyformer/ckks/evaluator/evaluator_checks.h"
#include "polyformer/ckks/key_switching/key_switching.h"
#include "polyformer/support/error.h"

// With φ: X → X^g, a ciphertext (c_0, c_1) under s becomes (φ(c_0), φ(c_1)) under φ(s). Instead of
// permuting c_1 and switching from φ(s) to s, we switch first, with a key from s to φ⁻¹(s), and permute the two
// results: (d_0, d_1) with d_0 + d_1·φ⁻¹(s) ≈ c_1·s gives φ(c_0 + d_0) + φ(d_1)·s ≈ φ(c_0) + φ(c_1)·φ(s). So the digits
// of a hoisted decomposition are never permuted, only two polynomials a rotation (Bossuat et al., ePrint 2020/1203,
// §4).
namespace polyformer::ckks {

/// What a rotation of several ciphertexts takes besides their digits.
struct Rotator::Batch {
    const SwitchingKey* key;
    std::vector<Ending> endings;
};

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

void check_digits(const Parameters& parameters, const HoistedCiphertext& hoisted) {
    const int level = hoisted.ciphertext.level;
    const int width = special_count(parameters, hoisted.role);
    const auto rows = static_cast<std::size_t>(level + 1 + width);
    const auto digits = static_cast<std::size_t>(level / width + 1);
    require(hoisted.digits.size() == digits, "a hoisted ciphertext at level {} has {} digits instead of {}", level,
            hoisted.digits.size(), digits);
    for (const RnsPolynomial& digit : hoisted.digits) {
        require(digit.limbs() == rows && digit.ring_dimension() == parameters.ring_dimension(),
                "a digit of a hoisted ciphertext at level {} has {} limbs of ring dimension {}; these parameters want "
                "{} of {}",
                level, digit.limbs(), digit.ring_dimension(), rows, parameters.ring_dimension());
    }
}

}  // namespace

Rotator::Rotator(Parameters parameters, std::shared_ptr<const EvaluationKeys> keys)
    : parameters_(std::move(parameters)),
      keys_(std::move(keys)),
      automorphisms_(std::make_shared<const AutomorphismCache>(parameters_.ring_dimension())) {}

bool Rotator::is_identity(const Ciphertext& a, long step) const {
    return normalised_step(step, repetition(parameters_, a.slots)) == 0;
}

/// Of a key switch of c_1: c_0 is added and the automorphism follows.
Ending Rotator::permuted(const Ciphertext& a, std::uint64_t galois_element) const {
    return {.addends = {&a.components[0], nullptr}, .permutation = &automorphisms_->permutation(galois_element)};
}

Rotator::Batch Rotator::batch_of(std::span<const Ciphertext* const> a, long step, KeyRole role) const {
    const Ciphertext& first = *a.front();
    const auto [key_step, key] = find_rotation_key(parameters_, *keys_, first.slots, step, first.level, role);
    return batch_of(a, *key, rotation_galois_element(parameters_.ring_dimension(), key_step), "rotation");
}

Rotator::Batch Rotator::batch_of(std::span<const Ciphertext* const> a, const SwitchingKey& key,
                                 std::uint64_t galois_element, const char* what) const {
    const Ciphertext& first = *a.front();
    Batch batch{.key = &key, .endings = {}};
    for (const Ciphertext* ciphertext : a) {
        check_two_components(parameters_, *ciphertext, what);
        check_operands(parameters_, first, *ciphertext, what);
        require(ciphertext->slots == first.slots, "ciphertexts of {} and {} slots cannot go through one {}",
                first.slots, ciphertext->slots, what);
        batch.endings.push_back(permuted(*ciphertext, galois_element));
    }
    return batch;
}

Ciphertext Rotator::rotate(const Ciphertext& a, long step) const {
    check_two_components(parameters_, a, "rotation");
    check_key_set(*keys_, a, "rotation");
    if (is_identity(a, step)) return a;
    const auto [key_step, key] = find_rotation_key(parameters_, *keys_, a.slots, step, a.level);
    const Ending ending = permuted(a, rotation_galois_element(parameters_.ring_dimension(), key_step));
    return ciphertext_of(a.metadata(), switch_key(parameters_, a.components[1], *key, a.level, ending));
}

Ciphertext Rotator::conjugate(const Ciphertext& a) const {
    check_two_components(parameters_, a, "conjugation");
    check_key_set(*keys_, a, "conjugation");
    const SwitchingKey& key = usable_key(parameters_, *keys_, {KeyRole::conjugation}, a.level);
    const Ending ending = permuted(a, conjugation_galois_element(parameters_.ring_dimension()));
    return ciphertext_of(a.metadata(), switch_key(parameters_, a.components[1], key, a.level, ending));
}

std::vector<Ciphertext> Rotator::conjugate(std::span<const Ciphertext> a) const {
    std::vector<Ciphertext> results;
    if (a.empty()) return results;
    const int level = a.front().level;
    check_key_set(*keys_, a.front(), "conjugation");
    const SwitchingKey& key = usable_key(parameters_, *keys_, {KeyRole::conjugation}, level);
    std::vector<HoistedCiphertext> hoisted;
    for (const Ciphertext& ciphertext : a) hoisted.push_back(hoist(ciphertext, KeyRole::conjugation));
    const Batch batch =
        batch_of(ciphertexts_of(hoisted), key, conjugation_galois_element(parameters_.ring_dimension()), "conjugation");
    std::vector<PolynomialPair> pairs = switch_key(parameters_, digits_of(hoisted), key, level, batch.endings);
    for (std::size_t i = 0; i < a.size(); ++i) {
        results.push_back(ciphertext_of(a[i].metadata(), std::move(pairs[i])));
    }
    return results;
}

HoistedCiphertext Rotator::hoist(Ciphertext a, KeyRole role) const {
    check_two_components(parameters_, a, "hoisting");
    const int width = special_count(parameters_, role);
    std::vector<RnsPolynomial> digits = decompose(parameters_, a.components[1], a.level, width, width);
    return {std::move(a), std::move(digits), role};
}

std::vector<Ciphertext> Rotator::rotate(std::span<const HoistedCiphertext> a, long step) const {
    std::vector<Ciphertext> results;
    if (a.empty()) return results;
    const Ciphertext& first = a.front().ciphertext;
    check_key_set(*keys_, first, "rotation");
    if (is_identity(first, step)) {
        for (const HoistedCiphertext& hoisted : a) results.push_back(hoisted.ciphertext);
        return results;
    }
    const KeyRole role = a.front().role;
    for (const HoistedCiphertext& hoisted : a) {
        check_digits(parameters_, hoisted);
        require(hoisted.role == role, "ciphertexts hoisted for keys of two kinds cannot go through one rotation");
    }
    const Batch batch = batch_of(ciphertexts_of(a), step, role);
    std::vector<PolynomialPair> pairs = switch_key(parameters_, digits_of(a), *batch.key, first.level, batch.endings);
    for (std::size_t i = 0; i < a.size(); ++i) {
        results.push_back(ciphertext_of(a[i].ciphertext.metadata(), std::move(pairs[i])));
    }
    return results;
}

std::vector<ExtendedCiphertext> Rotator::rotate_extended(std::span<const Ciphertext> a, long step, KeyRole role) const {
    std::vector<ExtendedCiphertext> results;
    if (a.empty()) return results;
    check_key_set(*keys_, a.front(), "rotation");
    if (is_identity(a.front(), step)) {
        for (const Ciphertext& ciphertext : a) {
            check_two_components(parameters_, ciphertext, "rotation");
            results.push_back(times_special(parameters_, ciphertext, special_count(parameters_, role)));
        }
        return results;
    }
    std::vector<const Ciphertext*> ciphertexts;
    std::vector<const RnsPolynomial*> polynomials;
    for (const Ciphertext& ciphertext : a) {
        ciphertexts.push_back(&ciphertext);
        polynomials.push_back(&ciphertext.components.at(1));
    }
    const Batch batch = batch_of(ciphertexts, step, role);
    std::vector<PolynomialPair> pairs =
        multiply_by_key(parameters_, polynomials, *batch.key, a.front().level, batch.endings);
    for (std::size_t i = 0; i < a.size(); ++i) results.push_back({a[i].metadata(), std::move(pairs[i])});
    return results;
}

std::vector<ExtendedCiphertext> Rotator::rotate_extended(std::span<const ExtendedCiphertext> a, long step,
                                                         KeyRole role) const {
    if (a.empty()) return {};
    const ExtendedCiphertext& first = a.front();
    if (normalised_step(step, repetition(parameters_, first.slots)) == 0) return {a.begin(), a.end()};
    const auto [key_step, key] = find_rotation_key(parameters_, *keys_, first.slots, step, first.level, role);
    return switched(a, *key, rotation_galois_element(parameters_.ring_dimension(), key_step));
}

ExtendedCiphertext Rotator::conjugate_extended(const ExtendedCiphertext& a) const {
    const SwitchingKey& key = usable_key(parameters_, *keys_, {KeyRole::conjugation}, a.level);
    return std::move(switched(std::span(&a, 1), key, conjugation_galois_element(parameters_.ring_dimension())).front());
}

std::vector<ExtendedCiphertext> Rotator::switched(std::span<const ExtendedCiphertext> a, const SwitchingKey& key,
                                                  std::uint64_t galois_element) const {
    const ExtendedCiphertext& first = a.front();
    std::vector<RnsPolynomial> halves;
    std::vector<const RnsPolynomial*> polynomials;
    std::vector<Ending> endings;
    for (const ExtendedCiphertext& one : a) {
        check_extended(parameters_, one);
        require(one.key_fingerprint == keys_->key_fingerprint && one.level == first.level && one.slots == first.slots &&
                    one.special() == key.special,
                "sums of rotations at levels {} and {}, of {} and {} slots, over {} special primes, cannot be rotated "
                "together by a key over {}",
                first.level, one.level, first.slots, one.slots, one.special(), key.special);
        halves.push_back(divide_by_special(parameters_, one.components[1], one.level, one.special()));
        endings.push_back(
            {.extended = &one.components[0], .permutation = &automorphisms_->permutation(galois_element)});
    }
    for (const RnsPolynomial& half : halves) polynomials.push_back(&half);
    std::vector<PolynomialPair> pairs = multiply_by_key(parameters_, polynomials, key, first.level, endings);
    std::vector<ExtendedCiphertext> results;
    for (std::size_t i = 0; i < a.size(); ++i) results.push_back({a[i].metadata(), std::move(pairs[i])});
    return results;
}

}  // namespace polyformer::ckks
