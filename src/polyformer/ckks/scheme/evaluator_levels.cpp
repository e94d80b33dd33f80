#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/scheme/evaluator.h"
#include "polyformer/ckks/scheme/evaluator_checks.h"
#include "polyformer/support/error.h"
#include "polyformer/support/parallel.h"

// Rescaling and changes of level.
namespace polyformer::ckks {

void Evaluator::check_rescaling(const Ciphertext& a, int levels) const {
    require(levels >= 0, "a ciphertext cannot be rescaled {} times", levels);
    require(
        levels <= a.level,
        "a ciphertext at level {} (scale 2^{:.4f}) cannot be rescaled{}: bootstrap earlier, or take parameters with "
        "more levels",
        a.level, std::log2(a.scale), levels > 1 ? fmt::format(" {} times", levels) : "");
}

Ciphertext Evaluator::rescaled_pair(const Ciphertext& a, std::array<RnsPolynomial, 2> pair, int levels) const {
    Ciphertext result;
    result.level = a.level - levels;
    result.scale = a.scale;
    for (int level = a.level; level > result.level; --level) {
        result.scale /= static_cast<double>(parameters_.q(level).modulus().value());
    }
    result.slots = a.slots;
    result.key_fingerprint = a.key_fingerprint;
    for (RnsPolynomial& component : pair) result.components.push_back(std::move(component));
    return result;
}

Ciphertext Evaluator::rescale(const Ciphertext& a, int levels) const {
    check_ciphertext(parameters_, a);
    check_rescaling(a, levels);
    if (levels == 0) return a;
    Ciphertext result = rescale_once(a);
    for (int k = 1; k < levels; ++k) result = rescale_once(result);
    return result;
}

Ciphertext Evaluator::rescale_once(const Ciphertext& a) const {
    const auto top = static_cast<std::size_t>(a.level);
    const std::size_t n = parameters_.ring_dimension();
    const NttTables& top_tables = parameters_.q(a.level);
    Ciphertext result;
    result.level = a.level - 1;
    result.scale = a.scale / static_cast<double>(top_tables.modulus().value());
    result.slots = a.slots;
    result.key_fingerprint = a.key_fingerprint;

    std::vector<AlignedWords> remainders;
    for (const RnsPolynomial& component : a.components) {
        const auto row = component.limb(top);
        remainders.emplace_back(row.begin(), row.end());
        result.components.push_back(RnsPolynomial::uninitialised(n, top));
    }
    parallel_for(remainders.size(), [&](std::size_t c) { kernels().inverse_ntt(remainders[c].data(), top_tables); });
    parallel_for(remainders.size() * top, [&](std::size_t task) {
        const std::size_t c = task / top;
        const std::size_t i = task % top;
        const NttTables& tables = parameters_.q(static_cast<int>(i));
        const Modulus& q = tables.modulus();
        std::uint64_t* out = result.components[c].limb(i).data();
        kernels().reduce_centered(out, remainders[c].data(), top_tables.modulus(), q, n);
        kernels().forward_ntt(out, tables);
        const std::uint64_t inverse = q.inverse(q.reduce(top_tables.modulus().value()));
        kernels().subtract_multiply_scalar(out, a.components[c].limb(i).data(), out, inverse, n, q);
    });
    return result;
}

Ciphertext Evaluator::drop_to_level(const Ciphertext& a, int level) const {
    check_ciphertext(parameters_, a);
    require(level >= 0 && level <= a.level, "a ciphertext at level {} cannot be dropped to level {}", a.level, level);
    Ciphertext result;
    result.level = level;
    result.scale = a.scale;
    result.slots = a.slots;
    result.key_fingerprint = a.key_fingerprint;
    const auto rows = static_cast<std::size_t>(level) + 1;
    for (const RnsPolynomial& component : a.components) {
        RnsPolynomial kept = RnsPolynomial::uninitialised(component.ring_dimension(), rows);
        for (std::size_t i = 0; i < rows; ++i) std::ranges::copy(component.limb(i), kept.limb(i).begin());
        result.components.push_back(std::move(kept));
    }
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

}  // namespace polyformer::ckks
