// The back end that computes nothing but noise: what deviates from the exact answer, foreseen from a plan alone, before
// there is an input. A second, where a run of the clear back end takes as long as the model in the clear.
#pragma once

#include <span>
#include <vector>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/runtime/backend.h"

namespace polyformer::runtime {

/// What is known of a ciphertext without its slots. All of it is of the slots that hold something, which the others,
/// where nothing or garbage lies, must not dilute: a polynomial's noise depends on where its inputs are.
struct NoiseValue {
    int level = 0;
    double noise = 0;      ///< standard deviation of what deviates
    double mean = 0;       ///< of the values, guessed; as everything stored they are at most 1
    double deviation = 0;  ///< of the values
    double share = 1;      ///< of the slots that hold something
    bool split = false;    ///< one half of these slots is real, the other imaginary: weights of attention
    bool half = false;     ///< it is one of these halves

    double size() const;  ///< root mean square
};

/// Satisfies Backend. The noise is ClearBackend's (noise.h); what that measures on slots, the values, is guessed here
/// from weights, constants and coefficients.
class NoiseBackend {
  public:
    using Value = NoiseValue;

    explicit NoiseBackend(const ckks::Parameters& parameters, const compile::Packing& packing)
        : parameters_(parameters), packing_(packing) {}

    /// `share` of its slots hold something.
    Value encrypt(int level, double share = 1) const;

    int level(const Value& value) const { return value.level; }
    Value adjust(const Value& value, int level) const;
    Value scaled(const Value& value, double factor) const;
    Value add(const Value& left, const Value& right) const;
    Value multiply(const Value& left, const Value& right) const;
    Value square(const Value& value) const;
    std::vector<Value> linear_map(const compile::LinearMapStep& step, std::span<const Value> inputs) const;
    Value affine(const compile::AffineStep& step, const Value& input) const;
    std::vector<Value> polynomial(const compile::PolynomialStep& step, std::span<const Value> inputs) const;
    std::vector<Value> rotated_product(const compile::RotatedProductStep& step, std::span<const Value> left,
                                       std::span<const Value> right) const;
    Value sum_slots(const compile::SumSlotsStep& step, const Value& input) const;
    Value combine(const compile::CombineStep& step, std::span<const Value> values) const;
    std::vector<Value> bootstrap(std::span<const Value> inputs) const;
    Value select_token(const Value& input, std::size_t row) const;

  private:
    /// One level lower, with the rounding of a rescaling.
    Value rescaled(Value value) const;
    Value map_output(const compile::LinearMapStep& step, std::size_t output, std::span<const Value> inputs) const;

    const ckks::Parameters& parameters_;
    compile::Packing packing_;
};

static_assert(Backend<NoiseBackend>);

/// Standard deviation of a logit from the exact one, in the logits' units, for a request that fills the context. An
/// estimate: within a factor of kForeseenWithin of what is measured (tests/runtime).
double foreseen_noise(const compile::Plan& plan);

inline constexpr double kForeseenWithin = 4;

}  // namespace polyformer::runtime
