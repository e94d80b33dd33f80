// The back end that computes nothing but noise: what deviates from the exact answer, foreseen from a plan alone, before
// there is an input. A second, where a run of the clear back end takes as long as the model in the clear.
#pragma once

#include <span>
#include <vector>

#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/steps.h"
#include "polyformer/runtime/backend.h"
#include "polyformer/runtime/noise/spread.h"

namespace polyformer::runtime {

/// Satisfies Backend. The noise is ClearBackend's (noise.h); what that measures on slots, the values, is guessed here
/// from weights, constants and coefficients.
class NoiseBackend {
  public:
    using Value = NoiseValue;

    /// `input_deviation`: of inputs over their bound.
    NoiseBackend(const ckks::Parameters& parameters, const compile::Packing& packing, double input_deviation = 0.25)
        : parameters_(parameters), packing_(packing), input_deviation_(input_deviation) {}

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
    std::vector<Value> polynomial(const compile::PolynomialStep& step, std::span<const Value> inputs);
    std::vector<Value> rotated_product(const compile::RotatedProductStep& step, std::span<const Value> left,
                                       std::span<const Value> right) const;
    Value sum_slots(const compile::SumSlotsStep& step, const Value& input) const;
    Value combine(const compile::CombineStep& step, std::span<const Value> values) const;
    std::vector<Value> bootstrap(std::span<const Value> inputs) const;
    Value select_token(const Value& input, std::span<const std::size_t> rows) const;

    /// NoiseValue::scale of the first inverse of a variance; 1 before there is one.
    double first_norm_scale() const { return first_norm_scale_ == 0 ? 1 : first_norm_scale_; }

  private:
    /// Without what tells of its origin; as the factor that it is multiplied by makes it.
    static Value plain(Value value);
    static Value plain(const Value& value, const Value& factor);
    /// Of both parts.
    static void add_noise(Value& value, double deviation);
    /// One level lower, with the rounding of a rescaling.
    Value rescaled(Value value) const;
    double imaginary_output_noise(const ckks::PeriodicDiagonals& map, std::size_t output,
                                  std::span<const Value> inputs) const;
    Value map_output(const compile::LinearMapStep& step, std::size_t output, std::span<const Value> inputs) const;

    const ckks::Parameters& parameters_;
    compile::Packing packing_;
    double input_deviation_;
    double first_norm_scale_ = 0;
};

static_assert(Backend<NoiseBackend>);

}  // namespace polyformer::runtime
