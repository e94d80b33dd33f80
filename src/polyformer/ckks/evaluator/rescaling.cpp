#include "polyformer/ckks/evaluator/rescaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

Ciphertext rescale_once(const Parameters& parameters, const Ciphertext& a) {
    const auto top = static_cast<std::size_t>(a.level);
    const std::size_t n = parameters.ring_dimension();
    const NttTables& top_tables = parameters.q(a.level);
    Ciphertext result = uninitialised_ciphertext(parameters, rescaled(parameters, a, 1), a.components.size());

    std::vector<AlignedWords> remainders;
    for (const RnsPolynomial& component : a.components) {
        const auto row = component.limb(top);
        remainders.emplace_back(row.begin(), row.end());
    }
    parallel_for(remainders.size(), [&](std::size_t c) { kernels().inverse_ntt(remainders[c].data(), top_tables); });
    parallel_for(remainders.size() * top, [&](std::size_t task) {
        const std::size_t c = task / top;
        const std::size_t i = task % top;
        const NttTables& tables = parameters.q(static_cast<int>(i));
        const Modulus& q = tables.modulus();
        std::uint64_t* out = result.components[c].limb(i).data();
        kernels().reduce_centered(out, remainders[c].data(), top_tables.modulus(), q, n);
        kernels().forward_ntt(out, tables);
        const std::uint64_t inverse = q.inverse(q.reduce(top_tables.modulus().value()));
        kernels().subtract_multiply_scalar(out, a.components[c].limb(i).data(), out, inverse, n, q);
    });
    return result;
}

}  // namespace

void check_rescaling(const CiphertextMetadata& a, int levels) {
    require(levels >= 0, "a ciphertext cannot be rescaled {} times", levels);
    require(
        levels <= a.level,
        "a ciphertext at level {} (scale 2^{:.4f}) cannot be rescaled{}: bootstrap earlier, or take parameters with "
        "more levels",
        a.level, std::log2(a.scale), levels > 1 ? fmt::format(" {} times", levels) : "");
}

Ciphertext rescale(const Parameters& parameters, const Ciphertext& a, int levels) {
    check_ciphertext(parameters, a);
    check_rescaling(a, levels);
    if (levels == 0) return a;
    Ciphertext result = rescale_once(parameters, a);
    for (int k = 1; k < levels; ++k) result = rescale_once(parameters, result);
    return result;
}

Ciphertext drop_to_level(const Parameters& parameters, const Ciphertext& a, int level) {
    check_ciphertext(parameters, a);
    require(level >= 0 && level <= a.level, "a ciphertext at level {} cannot be dropped to level {}", a.level, level);
    Ciphertext result = uninitialised_ciphertext(parameters, a.at(level, a.scale), a.components.size());
    for (std::size_t c = 0; c < a.components.size(); ++c) {
        for (std::size_t i = 0; i < result.components[c].limbs(); ++i) {
            std::ranges::copy(a.components[c].limb(i), result.components[c].limb(i).begin());
        }
    }
    return result;
}

}  // namespace polyformer::ckks
