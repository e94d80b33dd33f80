#include "polyformer/ckks/scheme/modulus_chain.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "polyformer/ckks/arithmetic/primes.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

// EvalMod and CoeffsToSlots work at the full width of the primes, whatever the working scale.
constexpr int kBootstrappingPrimeBits = kMaxModulusBits;
constexpr int kGuardPrimeBits = 26;

/// Hands out each prime once.
class PrimePool {
  public:
    explicit PrimePool(std::size_t ring_dimension) : ring_dimension_(ring_dimension) {}

    std::vector<std::uint64_t> largest_below(int bits, std::size_t count) {
        return take(std::ldexp(1.0, bits), count, PrimeSearch::descending);
    }
    std::uint64_t nearest(double target) { return take(target, 1, PrimeSearch::alternating).front(); }

  private:
    std::vector<std::uint64_t> take(double target, std::size_t count, PrimeSearch search) {
        std::vector<std::uint64_t> primes = primes_near(target, ring_dimension_, count, search, taken_);
        taken_.insert(taken_.end(), primes.begin(), primes.end());
        return primes;
    }

    std::size_t ring_dimension_;
    std::vector<std::uint64_t> taken_;
};

/// The one expression for a scale one level down, so that equal scales are equal to the last bit.
double scale_below(double scale, std::uint64_t prime) {
    return scale * scale / static_cast<double>(prime);
}

void choose_working_levels(const ParametersLiteral& literal, PrimePool& pool, ModulusChain& chain) {
    const double wanted = std::ldexp(1.0, literal.scale_bits);
    const auto top = static_cast<std::size_t>(literal.working_levels);
    chain.scales[top] = wanted;
    for (std::size_t level = top; level > 0; --level) {
        const double scale = chain.scales[level];
        chain.q[level] = pool.nearest(scale * scale / wanted);
        chain.scales[level - 1] = scale_below(scale, chain.q[level]);
        const double deviation = std::abs(chain.scales[level - 1] / wanted - 1);
        require(deviation < std::ldexp(1.0, -10),
                "ring dimension {} has too few primes near 2^{} for {} working levels: at level {} the scale would be "
                "2^{:.4f}; use larger scale_bits or fewer levels",
                literal.ring_dimension, literal.scale_bits, literal.working_levels, level - 1,
                std::log2(chain.scales[level - 1]));
    }
}

void choose_bootstrapping_scales(const ParametersLiteral& literal, ModulusChain& chain) {
    const auto working = static_cast<std::size_t>(literal.working_levels);
    const std::size_t top = chain.q.size() - 1;
    const double ratio = std::exp2(literal.bootstrapping->log2_message_ratio) / (2 * std::numbers::pi);
    double scale = chain.scales[working] * ratio;
    // Upwards to the scale from which `top − working` squarings lead to the wanted one; then down again by the very
    // expression that rescaling uses.
    const auto guard = static_cast<std::size_t>(guard_level(literal));
    const double guard_prime = static_cast<double>(chain.q[guard]);
    for (std::size_t level = working + 1; level <= top; ++level) {
        if (level == guard) continue;
        const double below = level == guard + 1 ? scale * guard_prime : scale;
        scale = std::sqrt(below * static_cast<double>(chain.q[level]));
    }
    for (std::size_t level = top; level > working; --level) {
        chain.scales[level] = scale;
        scale = level == guard ? scale / guard_prime : scale_below(scale, chain.q[level]);
    }
    chain.eval_mod_output_scale = scale;
}

}  // namespace

int eval_mod_levels(const BootstrappingLiteral& bootstrapping) {
    return std::bit_width(static_cast<unsigned>(bootstrapping.cosine_degree)) + bootstrapping.double_angles + 1;
}

int guard_level(const ParametersLiteral& literal) {
    return literal.working_levels + eval_mod_levels(*literal.bootstrapping) - 2;
}

ModulusChain choose_modulus_chain(const ParametersLiteral& literal) {
    const int upper = literal.bootstrapping ? eval_mod_levels(*literal.bootstrapping) +
                                                  literal.bootstrapping->coefficients_to_slots_levels
                                            : 0;
    const auto working = static_cast<std::size_t>(literal.working_levels);
    const std::size_t levels = working + 1 + static_cast<std::size_t>(upper);
    ModulusChain chain;
    chain.q.resize(levels);
    chain.scales.resize(levels);

    // Special primes first: being the largest, they outweigh any digit of as many limbs.
    PrimePool pool(literal.ring_dimension);
    chain.p = pool.largest_below(literal.special_prime_bits, static_cast<std::size_t>(literal.special_primes));
    const auto bootstrapping_primes = pool.largest_below(kBootstrappingPrimeBits, static_cast<std::size_t>(upper));
    std::copy(bootstrapping_primes.begin(), bootstrapping_primes.end(),
              chain.q.begin() + static_cast<std::ptrdiff_t>(working) + 1);
    if (literal.bootstrapping) {
        chain.q[static_cast<std::size_t>(guard_level(literal))] = pool.nearest(std::ldexp(1.0, kGuardPrimeBits));
    }
    chain.q[0] = pool.largest_below(literal.base_prime_bits, 1).front();
    choose_working_levels(literal, pool, chain);
    if (literal.bootstrapping) choose_bootstrapping_scales(literal, chain);
    return chain;
}

double log2_product(std::span<const std::uint64_t> primes) {
    double sum = 0;
    for (const std::uint64_t prime : primes) sum += std::log2(static_cast<double>(prime));
    return sum;
}

}  // namespace polyformer::ckks
