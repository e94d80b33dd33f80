#include "polyformer/ckks/scheme/evaluator.h"

#include <algorithm>
#include <cmath>

#include "polyformer/ckks/arithmetic/integers.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/scheme/evaluator_checks.h"
#include "polyformer/ckks/scheme/evaluator_tables.h"
#include "polyformer/ckks/scheme/key_switching.h"
#include "polyformer/support/error.h"
#include "polyformer/support/parallel.h"

// Sums and products; levels and rotations are in evaluator_levels.cpp and evaluator_rotations.cpp.
namespace polyformer::ckks {

namespace {

using Row = std::uint64_t*;
using ConstRow = const std::uint64_t*;

/// A ciphertext with a's attributes and unwritten components.
Ciphertext blank_like(const Ciphertext& a, std::size_t components, int level) {
    Ciphertext result;
    result.level = level;
    result.scale = a.scale;
    result.slots = a.slots;
    result.key_fingerprint = a.key_fingerprint;
    for (std::size_t c = 0; c < components; ++c) {
        result.components.push_back(
            RnsPolynomial::uninitialised(a.components[0].ring_dimension(), static_cast<std::size_t>(level) + 1));
    }
    return result;
}

/// Calls body(component, row, modulus) for every row of every component, in parallel.
template <class Body>
void for_each_row(const Parameters& parameters, std::size_t components, int level, const Body& body) {
    const auto rows = static_cast<std::size_t>(level) + 1;
    parallel_for(components * rows, [&](std::size_t task) {
        const std::size_t row = task % rows;
        body(task / rows, row, parameters.q(static_cast<int>(row)).modulus());
    });
}

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

/// round(constant · scale) as evaluations: in the first half of each row, and in the second. i is X^(N/2), whose
/// evaluations are ψ^(N/2) in the first half and −ψ^(N/2) in the second.
std::pair<std::uint64_t, std::uint64_t> constant_residues(const NttTables& tables, std::complex<double> constant,
                                                          double scale) {
    const Modulus& q = tables.modulus();
    const std::uint64_t real = residue(std::nearbyint(constant.real() * scale), q);
    const std::uint64_t imaginary = q.multiply(residue(std::nearbyint(constant.imag() * scale), q), tables.roots()[1]);
    return {q.add(real, imaginary), q.subtract(real, imaginary)};
}

void check_constant(std::complex<double> constant, double scale, double log2_modulus, int level) {
    const double largest = std::max(std::abs(constant.real()), std::abs(constant.imag()));
    require(std::isfinite(constant.real()) && std::isfinite(constant.imag()), "the constant {} + {}i is not finite",
            constant.real(), constant.imag());
    require(std::isfinite(scale) && std::log2(largest * scale) + 1 < log2_modulus,
            "the constant {} + {}i at scale 2^{:.2f} overflows the {:.2f} bits of level {}", constant.real(),
            constant.imag(), std::log2(scale), log2_modulus, level);
}

}  // namespace

Evaluator::Evaluator(Parameters parameters, std::shared_ptr<const EvaluationKeys> keys)
    : parameters_(std::move(parameters)),
      encoder_(parameters_),
      keys_(std::move(keys)),
      tables_(std::make_shared<const Tables>(parameters_.ring_dimension())) {
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
    Ciphertext result = blank_like(a, longer.components.size(), a.level);
    result.slots = std::max(a.slots, b.slots);
    for_each_row(parameters_, result.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        const Row out = result.components[c].limb(i).data();
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
    Ciphertext result = blank_like(a, std::max(a.components.size(), b.components.size()), a.level);
    result.slots = std::max(a.slots, b.slots);
    for_each_row(parameters_, result.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        const Row out = result.components[c].limb(i).data();
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
    Ciphertext result = blank_like(a, a.components.size(), a.level);
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
    for_each_row(parameters_, 1, a.level, [&](std::size_t, std::size_t i, const Modulus& q) {
        const Row out = result.components[0].limb(i).data();
        kernels().add(out, out, b.polynomial.limb(i).data(), parameters_.ring_dimension(), q);
    });
    return result;
}

Ciphertext Evaluator::add(const Ciphertext& a, const SubringPlaintext& b) const {
    check_plaintext(parameters_, a, b, parameters_.ring_dimension() / b.run, "sum");
    check_same_scale(parameters_, a.level, a.scale, b.scale, "sum");
    Ciphertext result = a;
    for_each_row(parameters_, 1, a.level, [&](std::size_t, std::size_t i, const Modulus& q) {
        Row out = result.components[0].limb(i).data();
        for (const std::uint64_t word : b.polynomial.limb(i)) {
            kernels().add_scalar(out, out, word, b.run, q);
            out += b.run;
        }
    });
    return result;
}

Ciphertext Evaluator::add_constant(const Ciphertext& a, std::complex<double> constant) const {
    check_ciphertext(parameters_, a);
    check_constant(constant, a.scale, parameters_.log2_q(a.level), a.level);
    Ciphertext result = a;
    const std::size_t half = parameters_.ring_dimension() / 2;
    for_each_row(parameters_, 1, a.level, [&](std::size_t, std::size_t i, const Modulus& q) {
        const auto [first, second] = constant_residues(parameters_.q(static_cast<int>(i)), constant, a.scale);
        const Row out = result.components[0].limb(i).data();
        kernels().add_scalar(out, out, first, half, q);
        kernels().add_scalar(out + half, out + half, second, half, q);
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
    Ciphertext result = blank_like(a[0], 3, a[0].level);
    result.scale = a[0].scale * b[0].scale;
    for (std::size_t k = 0; k < count; ++k) result.slots = std::max({result.slots, a[k].slots, b[k].slots});
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
                kernels().inner_product(result.components[c].limb(i).data() + begin, left.data() + from_left,
                                        right.data() + from_right, terms, length, q, false);
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
    const SwitchingKey& key = require_key(keys_->relinearisation, a.level, "relinearisation");
    return rescaled_pair(a,
                         ckks::switch_key(parameters_, a.components[2], key, a.level,
                                          {.addends = {&a.components[0], &a.components[1]}, .rescaled_levels = levels}),
                         levels);
}

Ciphertext Evaluator::switch_key(const Ciphertext& a, const SwitchingKey& key) const {
    check_two_components(parameters_, a, "key switching");
    require(key.level >= a.level, "a switching key that reaches level {} is wanted at level {}", key.level, a.level);
    return rescaled_pair(
        a, ckks::switch_key(parameters_, a.components[1], key, a.level, {.addends = {&a.components[0], nullptr}}));
}

Ciphertext Evaluator::multiply(const Ciphertext& a, const Plaintext& b) const {
    check_plaintext(parameters_, a, b, parameters_.ring_dimension(), "product");
    Ciphertext result = blank_like(a, a.components.size(), a.level);
    result.scale = a.scale * b.scale;
    for_each_row(parameters_, a.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        kernels().multiply(result.components[c].limb(i).data(), a.components[c].limb(i).data(),
                           b.polynomial.limb(i).data(), parameters_.ring_dimension(), q);
    });
    return result;
}

Ciphertext Evaluator::multiply(const Ciphertext& a, const SubringPlaintext& b) const {
    check_plaintext(parameters_, a, b, parameters_.ring_dimension() / b.run, "product");
    Ciphertext result = blank_like(a, a.components.size(), a.level);
    result.scale = a.scale * b.scale;
    for_each_row(parameters_, a.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        const ConstRow in = a.components[c].limb(i).data();
        const ConstRow words = b.polynomial.limb(i).data();
        kernels().weighted_sum(result.components[c].limb(i).data(), &in, &words, 1, parameters_.ring_dimension(), b.run,
                               q, false);
    });
    return result;
}

Ciphertext Evaluator::multiply_constant(const Ciphertext& a, std::complex<double> constant, double scale) const {
    check_ciphertext(parameters_, a);
    const double at = scale == 0 ? parameters_.scale(a.level) : scale;
    check_constant(constant, at, parameters_.log2_q(a.level), a.level);
    Ciphertext result = multiply_residues(a, [&](const NttTables& q) { return constant_residues(q, constant, at); });
    result.scale = a.scale * at;
    return result;
}

Ciphertext Evaluator::multiply_integer(const Ciphertext& a, std::int64_t factor) const {
    return multiply_residues(a, [factor](const NttTables& tables) {
        const std::uint64_t value = tables.modulus().reduce_signed(factor);
        return std::pair(value, value);
    });
}

Ciphertext Evaluator::multiply_by_i(const Ciphertext& a) const {
    return multiply_residues(a, [](const NttTables& tables) { return constant_residues(tables, {0, 1}, 1); });
}

template <class Residues>
Ciphertext Evaluator::multiply_residues(const Ciphertext& a, const Residues& residues) const {
    check_ciphertext(parameters_, a);
    Ciphertext result = blank_like(a, a.components.size(), a.level);
    const std::size_t half = parameters_.ring_dimension() / 2;
    for_each_row(parameters_, a.components.size(), a.level, [&](std::size_t c, std::size_t i, const Modulus& q) {
        const auto [first, second] = residues(parameters_.q(static_cast<int>(i)));
        const Row out = result.components[c].limb(i).data();
        const ConstRow in = a.components[c].limb(i).data();
        kernels().multiply_scalar(out, in, first, half, q);
        kernels().multiply_scalar(out + half, in + half, second, half, q);
    });
    return result;
}

}  // namespace polyformer::ckks
