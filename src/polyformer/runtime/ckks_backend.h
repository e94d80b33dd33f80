// The back end that computes on ciphertexts: each kind of step in terms of ckks/, and nothing else.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/compile/plan/steps.h"
#include "polyformer/runtime/backend.h"

namespace polyformer::runtime {

/// Satisfies Backend. All operands are packed in all slots; results that cost a level come back rescaled, at the
/// canonical scale of their level. Errors of ckks/ (a level too low, a missing key) pass through.
class CkksBackend {
  public:
    using Value = ckks::Ciphertext;

    /// `bootstrap_key_price`: the plan's. Throws Error when the keys belong to other parameters or the packing does not
    /// fill the ring's slots.
    CkksBackend(const ckks::Parameters& parameters, const compile::Packing& packing,
                std::shared_ptr<const ckks::EvaluationKeys> keys, double bootstrap_key_price = 0);

    int level(const Value& value) const { return value.level; }
    Value adjust(const Value& value, int level) const { return evaluator_.adjust(value, level); }
    /// factor · value, for free: the same ciphertext read at another scale, which adjust() makes canonical again on the
    /// way to a lower level.
    Value scaled(Value value, double factor) const;
    /// At the lower of the two levels.
    Value add(const Value& left, const Value& right) const;
    /// At the lower of the two levels, less one.
    Value multiply(const Value& left, const Value& right) const;
    /// One level lower.
    Value square(const Value& value) const;
    std::vector<Value> linear_map(const compile::LinearMapStep& step, std::span<const Value> inputs) const;
    Value affine(const compile::AffineStep& step, const Value& input) const;
    std::vector<Value> polynomial(const compile::PolynomialStep& step, std::span<const Value> inputs) const;
    std::vector<Value> rotated_product(const compile::RotatedProductStep& step, std::span<const Value> left,
                                       std::span<const Value> right) const;
    Value sum_slots(const compile::SumSlotsStep& step, const Value& input) const;
    /// One value for each term.
    Value combine(const compile::CombineStep& step, std::span<const Value> values) const;
    /// Makes the transforms of bootstrapping now: work that no step should be charged with. Without it the first
    /// bootstrap makes them.
    void prepare_bootstrapping();
    /// One or two values, to the working level.
    std::vector<Value> bootstrap(std::span<const Value> inputs);
    /// Row `rows[b]` of image b in every row of it; a row for each of the packing's images.
    Value select_token(const Value& input, std::span<const std::size_t> rows) const;

    const ckks::Evaluator& evaluator() const { return evaluator_; }

  private:
    /// mask ⊙ input, rescaled; the mask has the packing's period or full length.
    Value multiply_by_mask(const Value& input, std::span<const double> mask) const;
    Value add_vector(const Value& input, std::span<const double> addend) const;

    compile::Packing packing_;
    ckks::Evaluator evaluator_;
    double bootstrap_key_price_;
    std::unique_ptr<const ckks::Bootstrapper> bootstrapper_;  ///< holds large plaintexts
};

static_assert(Backend<CkksBackend>);

}  // namespace polyformer::runtime
