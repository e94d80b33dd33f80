#include "polyformer/runtime/ckks_backend.h"

#include <algorithm>

#include "polyformer/ckks/rotations/rotated_sum.h"
#include "polyformer/support/error.h"

namespace polyformer::runtime {

CkksBackend::CkksBackend(const ckks::Parameters& parameters, const compile::Packing& packing,
                         std::shared_ptr<const ckks::EvaluationKeys> keys, double bootstrap_key_price)
    : packing_(packing), evaluator_(parameters, std::move(keys)), bootstrap_key_price_(bootstrap_key_price) {
    require(packing.slots == parameters.slots() && packing.tokens * packing.row() == packing.slots,
            "a packing of {} tokens by {} features in {} slots does not fill the {} slots of ring dimension {}",
            packing.tokens, packing.row(), packing.slots, parameters.slots(), parameters.ring_dimension());
}

CkksBackend::Value CkksBackend::add(const Value& left, const Value& right) const {
    const int common = std::min(left.level, right.level);
    return evaluator_.add(adjust(left, common), adjust(right, common));
}

CkksBackend::Value CkksBackend::multiply(const Value& left, const Value& right) const {
    const int common = std::min(left.level, right.level);
    return evaluator_.multiply_and_rescale(adjust(left, common), adjust(right, common));
}

CkksBackend::Value CkksBackend::square(const Value& value) const {
    return evaluator_.multiply_and_rescale(value, value);
}

CkksBackend::Value CkksBackend::multiply_by_mask(const Value& input, std::span<const double> mask) const {
    // With the mask at the level's canonical scale the rescaled product has the canonical scale of the next.
    const double scale = evaluator_.parameters().scale(input.level);
    const ckks::Encoder& encoder = evaluator_.encoder();
    return evaluator_.rescale(mask.size() == packing_.slots
                                  ? evaluator_.multiply(input, encoder.encode(mask, input.level, scale))
                                  : evaluator_.multiply(input, encoder.encode_periodic(mask, input.level, scale)));
}

CkksBackend::Value CkksBackend::add_vector(const Value& input, std::span<const double> addend) const {
    if (std::ranges::all_of(addend, [](double value) { return value == 0; })) return input;
    const ckks::Encoder& encoder = evaluator_.encoder();
    return addend.size() == packing_.slots
               ? evaluator_.add(input, encoder.encode(addend, input.level, input.scale))
               : evaluator_.add(input, encoder.encode_periodic(addend, input.level, input.scale));
}

std::vector<CkksBackend::Value> CkksBackend::linear_map(const compile::LinearMapStep& step,
                                                        std::span<const Value> inputs) const {
    std::vector<Value> outputs = ckks::apply_periodic(evaluator_, step.map, inputs);
    for (std::size_t i = 0; i < outputs.size() && i < step.bias.size(); ++i) {
        outputs[i] = add_vector(outputs[i], step.bias[i]);
    }
    return outputs;
}

CkksBackend::Value CkksBackend::affine(const compile::AffineStep& step, const Value& input) const {
    return add_vector(multiply_by_mask(input, step.mask), step.addend);
}

std::vector<CkksBackend::Value> CkksBackend::polynomial(const compile::PolynomialStep& step,
                                                        std::span<const Value> inputs) const {
    return ckks::evaluate_chebyshev(evaluator_, step.series, inputs);
}

std::vector<CkksBackend::Value> CkksBackend::rotated_product(const compile::RotatedProductStep& step,
                                                             std::span<const Value> left,
                                                             std::span<const Value> right) const {
    return ckks::apply_rotated_inner_product(evaluator_, step.product, left, right);
}

CkksBackend::Value CkksBackend::scaled(Value value, double factor) const {
    value.scale /= factor;
    return value;
}

CkksBackend::Value CkksBackend::sum_slots(const compile::SumSlotsStep& step, const Value& input) const {
    return evaluator_.sum_slots(input, step.count, step.stride);
}

CkksBackend::Value CkksBackend::combine(const compile::CombineStep& step, std::span<const Value> values) const {
    ckks::RotatedSum sum(evaluator_);
    for (std::size_t k = 0; k < step.terms.size(); ++k) {
        // i is the same number in every rotated slot, so that the turn may come first.
        Value turned = values[k];
        const int turns = step.terms[k].quarter_turns;
        if (turns % 2 != 0) turned = evaluator_.multiply_by_i(turned);
        if (turns / 2 % 2 != 0) turned = evaluator_.negate(turned);
        sum.add(turned, step.terms[k].rotation);
    }
    Value result = sum.result();
    if (step.doubled_real_part) result = evaluator_.add(result, evaluator_.conjugate(result));
    return add_vector(result, step.addend);
}

void CkksBackend::prepare_bootstrapping() {
    if (bootstrapper_) return;
    bootstrapper_ = std::make_unique<ckks::Bootstrapper>(evaluator_.parameters(), packing_.slots, bootstrap_key_price_);
}

std::vector<CkksBackend::Value> CkksBackend::bootstrap(std::span<const Value> inputs) {
    require(inputs.size() == 1 || inputs.size() == 2, "a bootstrap refreshes one or two values, not {}", inputs.size());
    prepare_bootstrapping();
    if (inputs.size() == 1) return {bootstrapper_->bootstrap_real(evaluator_, inputs[0])};
    auto [first, second] = bootstrapper_->bootstrap_pair(evaluator_, inputs[0], inputs[1]);
    std::vector<Value> outputs;
    outputs.push_back(std::move(first));
    outputs.push_back(std::move(second));
    return outputs;
}

CkksBackend::Value CkksBackend::select_token(const Value& input, std::span<const std::size_t> rows) const {
    std::vector<double> mask(packing_.slots, 0.0);
    for (std::size_t image = 0; image < packing_.images; ++image) {
        require(rows[image] < packing_.tokens, "token row {} of {} cannot be selected", rows[image], packing_.tokens);
        const std::size_t first = rows[image] * packing_.row() + image * packing_.features;
        std::fill_n(mask.begin() + static_cast<std::ptrdiff_t>(first), packing_.features, 1.0);
    }
    // Summed over all rows cyclically, the one row that is not zero appears in each.
    return evaluator_.sum_slots(multiply_by_mask(input, mask), packing_.tokens, static_cast<long>(packing_.row()));
}

}  // namespace polyformer::runtime
