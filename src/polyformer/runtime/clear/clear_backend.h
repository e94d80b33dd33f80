// The clear back end: the same plan on plain vectors, with CKKS's levels, scales and noise accounted for. It shows,
// before any key exists, what encrypted inference will give and whether every slot stays where it must.
#pragma once

#include <complex>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/steps.h"
#include "polyformer/runtime/backend.h"
#include "polyformer/runtime/clear/clear_value.h"
#include "polyformer/runtime/clear/excursions.h"
#include "polyformer/runtime/noise/noise.h"

namespace polyformer::runtime {

/// What the clear back end adds and records.
struct ClearOptions {
    bool noise = true;
    std::uint64_t seed = 1;
    double bootstrap_noise = kBootstrapNoise;  ///< standard deviation that a bootstrap adds
    double tolerance = 0x1p-10;                ///< by which slots may leave [-1, 1] before it is recorded
};

/// Satisfies Backend. Deterministic for a seed. Throws Error for a level too low or scales that differ, as ckks/ does;
/// slots outside [-1, 1] where that matters are recorded, not refused.
class ClearBackend {
  public:
    using Value = ClearValue;

    ClearBackend(ckks::Parameters parameters, const compile::Packing& packing, const ClearOptions& options = {});

    /// A fresh ciphertext's stand-in. Throws Error unless there are N/2 finite slots and the level is a working one.
    Value encrypt(std::vector<double> slots, int level);

    int level(const Value& value) const { return value.level; }
    Value adjust(const Value& value, int level);
    /// Read at another scale, as CkksBackend does; adjust() to a lower level makes the scale canonical again.
    Value scaled(Value value, double factor) const;
    Value add(const Value& left, const Value& right) const;
    Value multiply(const Value& left, const Value& right);
    Value square(const Value& value);
    std::vector<Value> linear_map(const compile::LinearMapStep& step, std::span<const Value> inputs);
    Value affine(const compile::AffineStep& step, const Value& input);
    std::vector<Value> polynomial(const compile::PolynomialStep& step, std::span<const Value> inputs);
    std::vector<Value> rotated_product(const compile::RotatedProductStep& step, std::span<const Value> left,
                                       std::span<const Value> right);
    Value sum_slots(const compile::SumSlotsStep& step, const Value& input);
    Value combine(const compile::CombineStep& step, std::span<const Value> values);
    std::vector<Value> bootstrap(std::span<const Value> inputs);
    Value select_token(const Value& input, std::span<const std::size_t> rows);

    /// Called by the executor before each step.
    void begin_step(const compile::Step& step) { excursions_.begin_step(step.name); }
    /// One entry a step at most, in order.
    const std::vector<Excursion>& excursions() const { return excursions_.found(); }

  private:
    /// Standard deviation in a real slot of what one rescaling, or one division by P, adds at `level`.
    double rounding_noise(int level) const;
    /// Divides slots' scale by q_level and adds the rounding; throws Error at level 0.
    void rescale(Value& value);
    void add_noise(Value& value, double deviation);
    Value one_rotated_product(const ckks::RotatedInnerProduct& sum, const Value& left, const Value& right);
    /// A value of zero slots with the level, scale and noise of a product; not rescaled.
    Value blank_product(const Value& left, const Value& right) const;
    double prime(int level) const;  ///< q_level

    ckks::Parameters parameters_;
    compile::Packing packing_;
    ClearOptions options_;
    std::mt19937_64 generator_;
    ExcursionLog excursions_;
};

static_assert(Backend<ClearBackend>);

}  // namespace polyformer::runtime
