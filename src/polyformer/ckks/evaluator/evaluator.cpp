#include "polyformer/ckks/evaluator/evaluator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "polyformer/ckks/evaluator/evaluator_checks.h"
#include "polyformer/ckks/evaluator/row_loop.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/key_switching/key_switching.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

using Row = std::uint64_t*;
using ConstRow = const std::uint64_t*;

template <class PlaintextType>
void check_plaintext(const Parameters& parameters, const Ciphertext& a, const PlaintextType& b, std::size_t dimension,
                     const char* operation) {
    check_ciphertext(parameters, a);
    require(b.polynomial.ring_dimension() == dimension && b.polynomial.limbs() > static_cast<std::size_t>(b.level),
            "{} of a plaintext of {} limbs of {} residues at level {} and a ciphertext of ring dimension {}", operation,
            b.polynomial.limbs(), b.polynomial.ring_dimension(), b.level, parameters.ring_dimension());
    require(
        b.level >= a.level,
        "{} of a ciphertext at level {} (scale 2^{:.4f}) and a plaintext at level {} (scale 2^{:.4f}): encode it at "
        "level {} or above",
        operation, a.level, std::log2(a.scale), b.level, std::log2(b.scale), a.level);
}

}  // namespace

Evaluator::Evaluator(Parameters parameters, std::shared_ptr<const EvaluationKeys> keys)
    : parameters_(std::move(parameters)), encoder_(parameters_), keys_(std::move(keys)), rotator_(parameters_, keys_) {
    require(keys_ != nullptr, "an evaluator was made without keys; an empty EvaluationKeys will do for sums");
    require(keys_->parameters_fingerprint == parameters_.fingerprint(),
            "the evaluation keys belong to the parameter set {}, not to {}: use the parameters that the keys were made "
            "with",
            keys_->parameters_fingerprint.empty() ? "(none)" : keys_->parameters_fingerprint,
            parameters_.fingerprint());
}

Ciphertext Evaluator::add(const Ciphertext& a, const Ciphertext& b) const {
    check_operands(parameters_, a, b, "sum");
    check_same_scale(parameters_, a.level, a.scale, b.scale, "sum");
    const Ciphertext& longer = a.components.size() >= b.components.size() ? a : b;
    const std::size_t common = std::min(a.components.size(), b.components.size());
    const std::size_t n = parameters_.ring_dimension();
    Ciphertext result = uninitialised_ciphertext(parameters_, sum_of(a, b), longer.components.size());
    for_each_row(parameters_, result.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        std::uint64_t* const out = result.components[c].limb(i).data();
        if (c < common) {
            kernels().add(out, a.components[c].limb(i).data(), b.components[c].limb(i).data(), n, q);
        } else {
            std::copy_n(longer.components[c].limb(i).data(), n, out);
        }
    });
    return result;
}

Ciphertext Evaluator::subtract(const Ciphertext& a, const Ciphertext& b) const {
    check_operands(parameters_, a, b, "difference");
    check_same_scale(parameters_, a.level, a.scale, b.scale, "difference");
    const std::size_t n = parameters_.ring_dimension();
    Ciphertext result =
        uninitialised_ciphertext(parameters_, sum_of(a, b), std::max(a.components.size(), b.components.size()));
    for_each_row(parameters_, result.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        std::uint64_t* const out = result.components[c].limb(i).data();
        if (c >= a.components.size()) {
            kernels().negate(out, b.components[c].limb(i).data(), n, q);
        } else if (c >= b.components.size()) {
            std::copy_n(a.components[c].limb(i).data(), n, out);
        } else {
            kernels().subtract(out, a.components[c].limb(i).data(), b.components[c].limb(i).data(), n, q);
        }
    });
    return result;
}

Ciphertext Evaluator::negate(const Ciphertext& a) const {
    check_ciphertext(parameters_, a);
    Ciphertext result = uninitialised_ciphertext(parameters_, a.metadata(), a.components.size());
    for_each_row(parameters_, a.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        kernels().negate(result.components[c].limb(i).data(), a.components[c].limb(i).data(),
                         parameters_.ring_dimension(), q);
    });
    return result;
}

Ciphertext Evaluator::add(const Ciphertext& a, const Plaintext& b) const {
    check_plaintext(parameters_, a, b, parameters_.ring_dimension(), "sum");
    check_same_scale(parameters_, a.level, a.scale, b.scale, "sum");
    Ciphertext result = a;
    result.slots = std::max(a.slots, b.slots);
    for_each_row(parameters_, 1, a.level, [&](std::size_t, std::size_t i, const Modulus& q) {
        std::uint64_t* const out = result.components[0].limb(i).data();
        kernels().add(out, out, b.polynomial.limb(i).data(), parameters_.ring_dimension(), q);
    });
    return result;
}

Ciphertext Evaluator::add(const Ciphertext& a, const SubringPlaintext& b) const {
    check_plaintext(parameters_, a, b, parameters_.ring_dimension() / b.run, "sum");
    check_same_scale(parameters_, a.level, a.scale, b.scale, "sum");
    Ciphertext result = a;
    result.slots = std::max(a.slots, b.slots);
    for_each_row(parameters_, 1, a.level, [&](std::size_t, std::size_t i, const Modulus& q) {
        Row out = result.components[0].limb(i).data();
        for (const std::uint64_t word : b.polynomial.limb(i)) {
            kernels().add_scalar(out, out, word, b.run, q);
            out += b.run;
        }
    });
    return result;
}

Ciphertext Evaluator::multiply(const Ciphertext& a, const Ciphertext& b) const {
    return relinearise(multiply_lazily(a, b));
}

Ciphertext Evaluator::square(const Ciphertext& a) const {
    return multiply(a, a);
}

Ciphertext Evaluator::multiply_lazily(const Ciphertext& a, const Ciphertext& b) const {
    return inner_product_lazily(std::span(&a, 1), std::span(&b, 1));
}

Ciphertext Evaluator::multiply_and_rescale(const Ciphertext& a, const Ciphertext& b) const {
    return relinearise_and_rescale(multiply_lazily(a, b));
}

Ciphertext Evaluator::inner_product(std::span<const Ciphertext> a, std::span<const Ciphertext> b) const {
    return relinearise(inner_product_lazily(a, b));
}

Ciphertext Evaluator::inner_product_lazily(std::span<const Ciphertext> a, std::span<const Ciphertext> b) const {
    return products(a, b, 1);
}

Ciphertext Evaluator::multiply_doubled(const Ciphertext& a, const Ciphertext& b) const {
    return products(std::span(&a, 1), std::span(&b, 1), 2);
}

Ciphertext Evaluator::products(std::span<const Ciphertext> a, std::span<const Ciphertext> b, int factor) const {
    require(a.size() == b.size() && !a.empty(), "an inner product of {} and {} ciphertexts", a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) {
        check_operands(parameters_, a[k], b[k], "product");
        check_two_components(parameters_, a[k], "product");
        check_two_components(parameters_, b[k], "product");
        check_operands(parameters_, a[0], a[k], "inner product");
        check_same_scale(parameters_, a[0].level, a[0].scale * b[0].scale, a[k].scale * b[k].scale, "inner product");
    }
    const std::size_t n = parameters_.ring_dimension();
    const std::size_t count = a.size();
    Ciphertext result = uninitialised_ciphertext(parameters_, product_of(a[0], b[0]), 3);
    for (std::size_t k = 1; k < count; ++k) result.slots = std::max({result.slots, a[k].slots, b[k].slots});
    for_each_row(parameters_, 1, result.level, [&](std::size_t, std::size_t i, const Modulus& q) {
        // (a_0, a_1) and (b_0, b_1): a_0·b_0, a_0·b_1 + a_1·b_0, a_1·b_1. In the lists the a's come as a_0 … a_1 … and
        // the b's as b_0 … b_1 … b_0 …, so that all three are inner products of pieces of them.
        constexpr std::size_t kChunk = 4096;
        std::vector<ConstRow> left(2 * count);
        std::vector<ConstRow> right(3 * count);
        for (std::size_t begin = 0; begin < n; begin += kChunk) {
            const std::size_t length = std::min(kChunk, n - begin);
            for (std::size_t k = 0; k < count; ++k) {
                left[k] = a[k].components[0].limb(i).data() + begin;
                left[count + k] = a[k].components[1].limb(i).data() + begin;
                right[k] = right[2 * count + k] = b[k].components[0].limb(i).data() + begin;
                right[count + k] = b[k].components[1].limb(i).data() + begin;
            }
            const auto product = [&](std::size_t c, std::size_t from_left, std::size_t from_right, std::size_t terms) {
                std::uint64_t* out = result.components[c].limb(i).data() + begin;
                kernels().inner_product(out, left.data() + from_left, right.data() + from_right, terms, length, q,
                                        false);
                if (factor == 2) kernels().add(out, out, out, length, q);
            };
            product(0, 0, 0, count);
            product(1, 0, count, 2 * count);
            product(2, count, count, count);
        }
    });
    return result;
}

Ciphertext Evaluator::relinearise(const Ciphertext& a) const {
    return relinearise_and_rescale(a, 0);
}

Ciphertext Evaluator::relinearise_and_rescale(const Ciphertext& a, int levels) const {
    check_ciphertext(parameters_, a);
    check_rescaling(a, levels);
    if (a.components.size() == 2) return rescale(a, levels);
    check_key_set(*keys_, a, "relinearisation");
    const SwitchingKey& key = usable_key(parameters_, *keys_, {KeyRole::relinearisation}, a.level);
    const Ending ending{.addends = {&a.components[0], &a.components[1]}, .rescaled_levels = levels};
    return ciphertext_of(rescaled(parameters_, a, levels),
                         ckks::switch_key(parameters_, a.components[2], key, a.level, ending));
}

std::vector<ExtendedCiphertext> Evaluator::relinearise_extended(std::span<const Ciphertext> a) const {
    require(!a.empty(), "no ciphertext to relinearise");
    std::vector<const RnsPolynomial*> squares;
    std::vector<Ending> endings;
    for (const Ciphertext& one : a) {
        check_ciphertext(parameters_, one);
        check_key_set(*keys_, one, "relinearisation");
        require(one.components.size() == 3 && one.level == a.front().level,
                "ciphertexts that are relinearised together have three components and one level, not {} at level {} "
                "beside {} at level {}",
                one.components.size(), one.level, a.front().components.size(), a.front().level);
        squares.push_back(&one.components[2]);
        endings.push_back({.addends = {&one.components[0], &one.components[1]}});
    }
    const SwitchingKey& key = usable_key(parameters_, *keys_, {KeyRole::relinearisation}, a.front().level);
    std::vector<PolynomialPair> pairs = multiply_by_key(parameters_, squares, key, a.front().level, endings);
    std::vector<ExtendedCiphertext> results;
    for (std::size_t i = 0; i < a.size(); ++i) results.push_back({a[i].metadata(), std::move(pairs[i])});
    return results;
}

Ciphertext Evaluator::switch_key(const Ciphertext& a, const SwitchingKey& key) const {
    check_two_components(parameters_, a, "key switching");
    check_switching_key(parameters_, key, "given", a.level);
    return ciphertext_of(a.metadata(), ckks::switch_key(parameters_, a.components[1], key, a.level,
                                                        {.addends = {&a.components[0], nullptr}}));
}

Ciphertext Evaluator::multiply(const Ciphertext& a, const Plaintext& b) const {
    check_plaintext(parameters_, a, b, parameters_.ring_dimension(), "product");
    Ciphertext result = uninitialised_ciphertext(parameters_, product_of(a, b), a.components.size());
    for_each_row(parameters_, a.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        kernels().multiply(result.components[c].limb(i).data(), a.components[c].limb(i).data(),
                           b.polynomial.limb(i).data(), parameters_.ring_dimension(), q);
    });
    return result;
}

Ciphertext Evaluator::multiply(const Ciphertext& a, const SubringPlaintext& b) const {
    check_plaintext(parameters_, a, b, parameters_.ring_dimension() / b.run, "product");
    Ciphertext result = uninitialised_ciphertext(parameters_, product_of(a, b), a.components.size());
    for_each_row(parameters_, a.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        const ConstRow in = a.components[c].limb(i).data();
        const ConstRow words = b.polynomial.limb(i).data();
        kernels().weighted_sum(result.components[c].limb(i).data(), &in, &words, 1, parameters_.ring_dimension(), b.run,
                               q, false);
    });
    return result;
}

Ciphertext Evaluator::adjust(const Ciphertext& a, int level) const {
    check_ciphertext(parameters_, a);
    const double target = parameters_.scale(level);
    if (a.level == level && same_scale(a.scale, target)) return a;
    require(
        level >= 0 && level < a.level,
        "a ciphertext at level {} with scale 2^{:.4f} cannot be brought to level {} and its canonical scale 2^{:.4f}: "
        "that takes a constant product at level {}",
        a.level, std::log2(a.scale), level, std::log2(target), level + 1);
    const double factor = target * static_cast<double>(parameters_.q(level + 1).modulus().value()) / a.scale;
    // The factor is rounded to a whole number: with 20 bits the error of that stays below that of the scales
    // themselves.
    require(
        factor >= 0x1p20,
        "a ciphertext with scale 2^{:.4f} is too large to be adjusted to level {} (scale 2^{:.4f}): rescale() it first",
        std::log2(a.scale), level, std::log2(target));
    Ciphertext result = rescale(multiply_constant(drop_to_level(a, level + 1), 1.0, factor));
    result.scale = target;
    return result;
}

Ciphertext Evaluator::divide_by_special(const ExtendedCiphertext& a, const Ciphertext* addend, int levels) const {
    check_extended(parameters_, a);
    check_rescaling(a, levels);
    if (addend != nullptr) {
        check_two_components(parameters_, *addend, "sum");
        require(addend->level == a.level && addend->key_fingerprint == a.key_fingerprint,
                "sum of rotations at level {} under the keys {} and a ciphertext at level {} under the keys {}",
                a.level, a.key_fingerprint, addend->level, addend->key_fingerprint);
        check_same_scale(parameters_, a.level, a.scale, addend->scale, "sum");
    }
    return ckks::divide_by_special(parameters_, a, addend, levels);
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
