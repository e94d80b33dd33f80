#include "polyformer/ckks/polynomials/polynomial_evaluation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <utility>

#include "polyformer/ckks/arithmetic/integers.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/polynomials/chebyshev_plan.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// A weight of one term: a constant, or a mask times one.
struct WeightedTerm {
    const Ciphertext* ciphertext;
    double constant;                 ///< whole number; used without mask
    const SubringPlaintext* masked;  ///< null without mask
};

/// sum = Σ weight ⊙ ciphertext at sum's level, added to what is there if `accumulate`; the ciphertexts may lie higher.
/// Scales are the caller's business.
void add_weighted(const Parameters& parameters, std::span<const WeightedTerm> terms, Ciphertext& sum, bool accumulate) {
    if (terms.empty()) return;
    const std::size_t n = parameters.ring_dimension();
    const std::size_t run = terms.front().masked == nullptr ? n : terms.front().masked->run;
    parallel_for(static_cast<std::size_t>(sum.level) + 1, [&](std::size_t row) {
        const Modulus& q = parameters.q(static_cast<int>(row)).modulus();
        std::vector<std::uint64_t> constants(terms.size());
        std::vector<const std::uint64_t*> weights(terms.size());
        std::vector<const std::uint64_t*> sources(terms.size());
        for (std::size_t k = 0; k < terms.size(); ++k) {
            constants[k] = residue(terms[k].constant, q);
            weights[k] = terms[k].masked == nullptr ? &constants[k] : terms[k].masked->polynomial.limb(row).data();
        }
        for (std::size_t c = 0; c < 2; ++c) {
            for (std::size_t k = 0; k < terms.size(); ++k) {
                sources[k] = terms[k].ciphertext->components[c].limb(row).data();
            }
            std::uint64_t* out = sum.components[c].limb(row).data();
            if (run == 1) {
                kernels().inner_product(out, sources.data(), weights.data(), terms.size(), n, q, accumulate);
            } else {
                kernels().weighted_sum(out, sources.data(), weights.data(), terms.size(), n, run, q, accumulate);
            }
        }
    });
}

Ciphertext zero(const Parameters& parameters, const Ciphertext& like, int level, double scale) {
    const RnsPolynomial component(parameters.ring_dimension(), static_cast<std::size_t>(level) + 1);
    return {like.at(level, scale), {component, component}};
}

/// One series on any number of inputs at one level, one after the other; masks are encoded for the first.
class SeriesEvaluation {
  public:
    /// `output_scale` 0 stands for the canonical one.
    SeriesEvaluation(const Evaluator& evaluator, const ChebyshevSeries& series, int level, double output_scale)
        : evaluator_(evaluator),
          parameters_(evaluator.parameters()),
          mask_(series.mask),
          output_scale_(output_scale),
          plan_(plan_chebyshev(series.coefficients, series.depth())),
          levels_{level} {
        for (int depth = 0; depth < series.depth(); ++depth) {
            levels_.push_back(parameters_.level_below(levels_.back()));
        }
        if (output_scale == 0) output_scale_ = parameters_.scale(levels_.back());
    }

    Ciphertext operator()(const Ciphertext& input) {
        powers_.clear();
        powers_.emplace(1, input);
        for (const auto& [index, step] : plan_.powers) powers_.emplace(index, power(index, step));
        Ciphertext result = value(plan_.root, output_scale_);
        powers_.clear();
        return result;
    }

  private:
    int level_at(int depth) const { return levels_[static_cast<std::size_t>(depth)]; }

    /// What rescaling divides by on the way to `depth`.
    double divisor(int depth) const {
        double product = 1;
        for (int level = level_at(depth - 1); level > level_at(depth); --level) {
            product *= static_cast<double>(parameters_.q(level).modulus().value());
        }
        return product;
    }

    Ciphertext rescaled(const Ciphertext& a, int depth) const {
        return evaluator_.relinearise_and_rescale(a, a.level - level_at(depth));
    }

    /// T_k for a product that lands at `depth`. Where that divides by a guard prime, a T_k of the usual scale is
    /// enlarged by a whole number, which costs nothing, to the scale usual there.
    Ciphertext operand(int index, int depth) const {
        const int level = level_at(depth - 1);
        Ciphertext power = evaluator_.drop_to_level(powers_.at(index), level);
        const double factor = std::nearbyint(parameters_.scale(level) / power.scale);
        if (factor < 2) return power;
        power = evaluator_.multiply_integer(power, static_cast<std::int64_t>(factor));
        power.scale *= factor;
        return power;
    }

    /// T_k = 2·T_a·T_b − T_{a−b}; its scale is what the product gives, which terms and quotients make up for.
    Ciphertext power(int index, ChebyshevStep step) const {
        const int depth = chebyshev_level(index);
        const Ciphertext a = operand(step.a, depth);
        // Doubled before rescaling, so that the rounding error is not.
        Ciphertext product = evaluator_.multiply_doubled(a, step.a == step.b ? a : operand(step.b, depth));
        if (step.a == step.b) return evaluator_.add_constant(rescaled(product, depth), -1);
        const Ciphertext& difference = powers_.at(step.a - step.b);
        const WeightedTerm term{&difference, std::nearbyint(-product.scale / difference.scale), nullptr};
        add_weighted(parameters_, std::span(&term, 1), product, true);
        return rescaled(product, depth);
    }

    /// The node's value at exactly `scale`.
    Ciphertext value(const ChebyshevNode& node, double scale) {
        const int level = level_at(node.depth - 1);  // before rescaling
        const double product_scale = scale * divisor(node.depth);
        const bool with_products = !node.products.empty();
        Ciphertext sum;
        if (with_products) sum = products(node, product_scale);

        std::vector<WeightedTerm> terms;
        for (const ChebyshevTerm& term : node.terms) {
            const Ciphertext& power = powers_.at(term.index);
            const double weight_scale = product_scale / power.scale;
            if (mask_.empty()) {
                terms.push_back({&power, std::nearbyint(term.coefficient * weight_scale), nullptr});
            } else {
                terms.push_back({&power, 0, &masked(node, term.index, term.coefficient, level, weight_scale)});
            }
        }
        if (!with_products && terms.empty()) {
            sum = zero(parameters_, powers_.at(1), level, product_scale);
        } else if (!with_products) {
            sum = uninitialised_ciphertext(parameters_, powers_.at(1).at(level, product_scale), 2);
        }
        add_weighted(parameters_, terms, sum, with_products);

        Ciphertext result = rescaled(sum, node.depth);
        result.scale = scale;  // the same number but for the last bits
        if (node.constant == 0) return result;
        if (mask_.empty()) return evaluator_.add_constant(result, node.constant);
        return evaluator_.add(result, masked(node, 0, node.constant, result.level, scale));
    }

    /// Σ quotient·T_g at `scale`, before relinearisation and rescaling.
    Ciphertext products(const ChebyshevNode& node, double scale) {
        std::vector<Ciphertext> quotients;
        std::vector<Ciphertext> powers;
        for (const ChebyshevProduct& product : node.products) {
            powers.push_back(operand(product.power, node.depth));
            quotients.push_back(value(*product.quotient, scale / powers.back().scale));
        }
        Ciphertext sum = evaluator_.inner_product_lazily(quotients, powers);
        sum.scale = scale;  // the same number but for the last bits
        return sum;
    }

    const SubringPlaintext& masked(const ChebyshevNode& node, int index, double coefficient, int level, double scale) {
        const auto [entry, missing] = masked_.try_emplace({&node, index});
        if (missing) {
            std::vector<std::complex<double>> values(mask_.begin(), mask_.end());
            for (std::complex<double>& value_at : values) value_at *= coefficient;
            entry->second = evaluator_.encoder().encode_periodic(values, level, scale);
        }
        return entry->second;
    }

    const Evaluator& evaluator_;
    const Parameters& parameters_;
    std::span<const std::complex<double>> mask_;
    double output_scale_;
    ChebyshevPlan plan_;
    std::vector<int> levels_;                                                  // after 0, 1, … products
    std::map<int, Ciphertext> powers_;                                         // T_k of the input at hand
    std::map<std::pair<const ChebyshevNode*, int>, SubringPlaintext> masked_;  // mask · coefficient
};

void check(const Evaluator& evaluator, const ChebyshevSeries& series, std::span<const Ciphertext> inputs) {
    const int depth = series.depth();
    const Ciphertext& first = inputs.front();
    require(first.level >= depth,
            "level {} is too low for a polynomial of degree {} (depth {}): bootstrap first, or use a lower degree",
            first.level, series.degree(), depth);
    for (const double coefficient : series.coefficients) {
        require(std::isfinite(coefficient), "a Chebyshev coefficient is {}: all must be finite", coefficient);
    }
    if (!series.mask.empty()) {
        require(std::has_single_bit(series.mask.size()) && series.mask.size() <= first.slots,
                "a mask of {} values: its length must be a power of two up to the {} slots", series.mask.size(),
                first.slots);
    }
    const double scale = evaluator.parameters().scale(first.level);
    for (const Ciphertext& input : inputs) {
        require(input.level == first.level && input.slots == first.slots && input.components.size() == 2,
                "inputs of a polynomial must agree: level {}, {} slots, {} components beside level {}, {} slots, 2",
                input.level, input.slots, input.components.size(), first.level, first.slots);
        require(same_scale(scale, input.scale),
                "a polynomial's input at level {} has scale 2^{:.6f}, not the canonical 2^{:.6f}: adjust it first",
                input.level, std::log2(input.scale), std::log2(scale));
    }
}

}  // namespace

std::vector<Ciphertext> evaluate_chebyshev(const Evaluator& evaluator, const ChebyshevSeries& series,
                                           std::span<const Ciphertext> inputs, double output_scale) {
    std::vector<Ciphertext> results;
    if (inputs.empty()) return results;
    check(evaluator, series, inputs);
    SeriesEvaluation evaluate(evaluator, series, inputs.front().level, output_scale);
    for (const Ciphertext& input : inputs) results.push_back(evaluate(input));
    return results;
}

Ciphertext evaluate_chebyshev(const Evaluator& evaluator, const ChebyshevSeries& series, const Ciphertext& input,
                              double output_scale) {
    return evaluate_chebyshev(evaluator, series, std::span(&input, 1), output_scale).front();
}

}  // namespace polyformer::ckks
