#include "polyformer/runtime/clear/clear_backend.h"

#include <algorithm>
#include <cmath>

#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/runtime/noise/noise.h"
#include "polyformer/runtime/noise/spread.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::runtime {

namespace {

/// Complex slots appear in attention alone, and within maps: between these steps a plan has none.
void require_real(const ClearValue& value, const char* reader) {
    require(value.imaginary.empty(), "{} was given complex slots: the plan should take their real part first", reader);
}

/// Root mean square of p' over some of the slots.
double typical_slope(std::span<const double> coefficients, std::span<const double> slots) {
    constexpr std::size_t kSamples = 512;
    const std::size_t step = std::max<std::size_t>(1, slots.size() / kSamples);
    std::vector<double> slopes;
    for (std::size_t i = 0; i < slots.size(); i += step) slopes.push_back(tangent_at(coefficients, slots[i]).slope);
    return root_mean_square(slopes);
}

}  // namespace

ClearBackend::ClearBackend(ckks::Parameters parameters, const compile::Packing& packing, const ClearOptions& options)
    : parameters_(std::move(parameters)),
      packing_(packing),
      options_(options),
      generator_(options.seed),
      excursions_(options.tolerance) {
    require(packing.slots == parameters_.slots(), "a packing in {} slots does not fill the {} slots of the ring",
            packing.slots, parameters_.slots());
}

double ClearBackend::prime(int level) const {
    return std::exp2(parameters_.log2_q(level) - (level == 0 ? 0 : parameters_.log2_q(level - 1)));
}

double ClearBackend::rounding_noise(int level) const {
    return runtime::rounding_noise(parameters_, level);
}

void ClearBackend::add_noise(Value& value, double deviation) {
    value.noise = std::hypot(value.noise, deviation);
    value.imaginary_noise = std::hypot(value.imaginary_noise, deviation);
    if (!options_.noise || deviation == 0) return;
    std::normal_distribution<double> distribution(0, deviation);
    for (double& slot : value.slots) slot += distribution(generator_);
    for (double& slot : value.imaginary) slot += distribution(generator_);
}

void ClearBackend::rescale(Value& value) {
    require(value.level >= 1, "level 0 is too low for a product (needs 1): bootstrap first");
    value.scale /= prime(value.level);
    --value.level;
    const double canonical = parameters_.scale(value.level);
    require(ckks::same_scale(canonical, value.scale),
            "a product at level {} has the scale {}, but the canonical one is {}: its operands had other scales",
            value.level, value.scale, canonical);
    add_noise(value, rounding_noise(value.level));
}

ClearValue ClearBackend::encrypt(std::vector<double> slots, int level) {
    require(slots.size() == packing_.slots, "{} values were given for {} slots", slots.size(), packing_.slots);
    require(level >= 0 && level <= parameters_.working_level(), "level {} is outside the working levels 0 to {}", level,
            parameters_.working_level());
    for (const double slot : slots) require(std::isfinite(slot), "a slot of the request is {}", slot);
    Value value{.slots = std::move(slots), .imaginary = {}, .level = level, .scale = parameters_.scale(level)};
    add_noise(value, fresh_noise(parameters_, level));
    return value;
}

ClearValue ClearBackend::adjust(const Value& value, int level) {
    require(level >= 0 && value.level >= level, "a value at level {} cannot be brought to level {}: bootstrap it first",
            value.level, level);
    Value result = value;
    if (value.level == level) return result;
    result.level = level;
    result.scale = parameters_.scale(level);
    add_noise(result, rounding_noise(level));
    return result;
}

ClearValue ClearBackend::scaled(Value value, double factor) const {
    for (double& slot : value.slots) slot *= factor;
    for (double& slot : value.imaginary) slot *= factor;
    value.noise *= std::abs(factor);
    value.imaginary_noise *= std::abs(factor);
    value.scale /= factor;
    return value;
}

ClearValue ClearBackend::add(const Value& left, const Value& right) const {
    require(left.level == right.level && ckks::same_scale(left.scale, right.scale),
            "cannot add a value at level {} with scale {} and one at level {} with scale {}: adjust one of them",
            left.level, left.scale, right.level, right.scale);
    Value result = left;
    add_turned(result, right, 0, 0);
    result.noise = std::hypot(left.noise, right.noise);
    result.imaginary_noise = std::hypot(left.imaginary_noise, right.imaginary_noise);
    return result;
}

ClearValue ClearBackend::blank_product(const Value& left, const Value& right) const {
    require(left.level == right.level, "cannot multiply values at levels {} and {}: adjust one of them", left.level,
            right.level);
    Value result{.slots = std::vector<double>(left.slots.size()),
                 .imaginary = {},
                 .level = left.level,
                 .scale = left.scale * right.scale};
    const double left_size = root_mean_square(left.slots);
    const double right_size = root_mean_square(right.slots);
    result.noise = product_noise(left.noise, left_size, right.noise, right_size);
    result.imaginary_noise = product_noise(left.imaginary_noise, left_size, right.imaginary_noise, right_size);
    return result;
}

ClearValue ClearBackend::multiply(const Value& left, const Value& right) {
    require_real(left, "a product");
    require_real(right, "a product");
    Value result = blank_product(left, right);
    for (std::size_t i = 0; i < result.slots.size(); ++i) result.slots[i] = left.slots[i] * right.slots[i];
    rescale(result);
    return result;
}

ClearValue ClearBackend::square(const Value& value) {
    Value result = blank_product(value, value);
    // Both factors have the same noise e, not two independent ones: (x + e)² = x² + 2·x·e + e².
    result.noise = 2 * value.noise * root_mean_square(value.slots);
    result.imaginary_noise = 2 * value.imaginary_noise * root_mean_square(value.slots);
    for (std::size_t i = 0; i < result.slots.size(); ++i) result.slots[i] = value.slots[i] * value.slots[i];
    if (!value.imaginary.empty()) {
        result.imaginary.resize(result.slots.size());
        for (std::size_t i = 0; i < result.slots.size(); ++i) {
            result.slots[i] -= value.imaginary[i] * value.imaginary[i];
            result.imaginary[i] = 2 * value.slots[i] * value.imaginary[i];
        }
    }
    rescale(result);
    return result;
}

std::vector<ClearValue> ClearBackend::linear_map(const compile::LinearMapStep& step, std::span<const Value> inputs) {
    const ckks::PeriodicDiagonals& map = step.map;
    require(inputs.size() == map.inputs && !inputs.empty(), "a map of {} inputs was given {}", map.inputs,
            inputs.size());
    const Value& first = inputs.front();
    InputNoise noise;
    for (const Value& input : inputs) {
        if (map.pairing != ckks::Pairing::none) require_real(input, "a map of pairs");
        noise.real.push_back(input.noise);
        noise.imaginary.push_back(input.imaginary_noise);
    }
    const InputNoise new_noise{std::vector<double>(map.inputs, 0.0), noise.imaginary};
    std::vector<Value> outputs(map.outputs);
    parallel_for(map.outputs, [&](std::size_t o) {
        Value& output = outputs[o];
        output = {.slots = std::vector<double>(packing_.slots),
                  .imaginary = {},
                  .level = first.level,
                  .scale = first.scale * parameters_.scale(first.level)};
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const ckks::DiagonalBlock& block = map.blocks[o][i];
            for (std::size_t index = 0; index < block.size(); ++index) {
                const std::vector<double> diagonal = block.values(index);
                const long offset = block.offset(index);
                add_rotated(output.slots, diagonal, inputs[i].slots, offset);
                if (inputs[i].imaginary.empty()) continue;
                output.imaginary.resize(packing_.slots);
                add_rotated(output.imaginary, diagonal, inputs[i].imaginary, offset);
            }
        }
        output.noise = map_noise(parameters_, map, o, first.level, noise);
        output.imaginary_noise = imaginary_map_noise(parameters_, map, o, first.level, noise);
    });
    for (std::size_t o = 0; o < outputs.size(); ++o) {
        Value& output = outputs[o];
        if (options_.noise) {
            // Inputs carry their noise already; what is new are the rotations', and that of imaginary parts.
            const double estimate = output.noise;
            const double imaginary = output.imaginary_noise;
            add_noise(output, map_noise(parameters_, map, o, output.level, new_noise));
            output.noise = estimate;
            output.imaginary_noise = imaginary;
        }
        rescale(output);
        if (map.pairing != ckks::Pairing::none) {
            add_noise(output, parting_noise(parameters_, map, o, output.level));
        }
        const std::vector<double>& bias = step.bias[o];
        for (std::size_t i = 0; i < output.slots.size() && !bias.empty(); ++i) output.slots[i] += bias[i % bias.size()];
    }
    return outputs;
}

ClearValue ClearBackend::affine(const compile::AffineStep& step, const Value& input) {
    Value result = input;
    for (std::vector<double>* part : {&result.slots, &result.imaginary}) {
        for (std::size_t i = 0; i < part->size(); ++i) (*part)[i] *= step.mask[i % step.mask.size()];
    }
    result.noise *= root_mean_square(step.mask);
    result.imaginary_noise *= root_mean_square(step.mask);
    result.scale *= parameters_.scale(input.level);
    rescale(result);
    for (std::size_t i = 0; i < result.slots.size() && !step.addend.empty(); ++i) {
        result.slots[i] += step.addend[i % step.addend.size()];
    }
    return result;
}

std::vector<ClearValue> ClearBackend::polynomial(const compile::PolynomialStep& step, std::span<const Value> inputs) {
    std::vector<Value> outputs;
    for (const Value& input : inputs) {
        require_real(input, "a polynomial");
        excursions_.watch(input.slots, "polynomial");
        const int depth = step.series.depth();
        require(input.level >= depth, "level {} is too low for a polynomial of degree {} (needs {}): bootstrap first",
                input.level, step.series.degree(), depth);
        Value result;
        const double rounding = options_.noise ? rounding_noise(std::max(0, input.level - 1)) : 0;
        result.slots = evaluate_series(step.series.coefficients, input.slots, rounding, generator_);
        result.noise = polynomial_noise(parameters_, step.series.coefficients, input.level, input.noise);
        result.imaginary_noise =
            std::hypot(input.imaginary_noise * typical_slope(step.series.coefficients, input.slots),
                       polynomial_noise(parameters_, step.series.coefficients, input.level, 0));
        result.level = input.level - depth;
        result.scale = parameters_.scale(result.level);
        apply_mask(step.series.mask, result);
        add_noise(result, rounding_noise(result.level));
        outputs.push_back(std::move(result));
    }
    return outputs;
}

std::vector<ClearValue> ClearBackend::rotated_product(const compile::RotatedProductStep& step,
                                                      std::span<const Value> left, std::span<const Value> right) {
    std::vector<Value> outputs;
    for (std::size_t i = 0; i < left.size(); ++i) {
        outputs.push_back(one_rotated_product(step.product, left[i], right[i]));
    }
    return outputs;
}

ClearValue ClearBackend::one_rotated_product(const ckks::RotatedInnerProduct& sum, const Value& left,
                                             const Value& right) {
    Value result = blank_product(left, right);
    add_rotated_products(result, left, right, sum);
    const double terms = std::sqrt(static_cast<double>(sum.last - sum.first));
    const double rotations = rotated_factor_noise(parameters_, sum, left.level) *
                             std::hypot(root_mean_square(left.slots), root_mean_square(right.slots));
    result.noise *= terms;
    add_noise(result, terms * rotations);
    rescale(result);
    return result;
}

ClearValue ClearBackend::sum_slots(const compile::SumSlotsStep& step, const Value& input) {
    Value result = input;
    for (std::size_t distance = 1; distance < step.count; distance *= 2) {
        const std::vector<double> other = rotated(result.slots, step.stride * static_cast<long>(distance));
        for (std::size_t i = 0; i < other.size(); ++i) result.slots[i] += other[i];
        result.noise *= std::sqrt(2.0);
        result.imaginary_noise *= std::sqrt(2.0);
        add_noise(result, rounding_noise(result.level));
    }
    return result;
}

ClearValue ClearBackend::combine(const compile::CombineStep& step, std::span<const Value> values) {
    const Value& first = values.front();
    Value result{
        .slots = std::vector<double>(first.slots.size()), .imaginary = {}, .level = first.level, .scale = first.scale};
    double variance = 0;
    double imaginary_variance = 0;
    std::size_t key_switches = step.doubled_real_part ? 1 : 0;
    for (std::size_t k = 0; k < values.size(); ++k) {
        add_turned(result, values[k], step.terms[k].rotation, step.terms[k].quarter_turns);
        variance += values[k].noise * values[k].noise;
        imaginary_variance += values[k].imaginary_noise * values[k].imaginary_noise;
        key_switches += step.terms[k].rotation != 0 ? 1 : 0;
    }
    result.noise = std::sqrt(variance);
    result.imaginary_noise = std::sqrt(step.doubled_real_part ? 0 : imaginary_variance);
    if (step.doubled_real_part) {
        result.imaginary.clear();
        for (double& slot : result.slots) slot *= 2;
        result.noise *= 2;
    }
    add_noise(result, std::sqrt(static_cast<double>(key_switches)) * rounding_noise(result.level));
    for (std::size_t i = 0; i < result.slots.size() && !step.addend.empty(); ++i) {
        result.slots[i] += step.addend[i % step.addend.size()];
    }
    return result;
}

std::vector<ClearValue> ClearBackend::bootstrap(std::span<const Value> inputs) {
    require(inputs.size() == 1 || inputs.size() == 2, "a bootstrap refreshes one or two values, not {}", inputs.size());
    std::vector<Value> outputs;
    for (const Value& input : inputs) {
        require_real(input, "a bootstrap");
        excursions_.watch(input.slots, "bootstrap");
        const int needed = parameters_.bootstrapping_input_level();
        require(input.level >= needed, "level {} is too low to bootstrap (needs {}): bootstrap before", input.level,
                needed);
        Value result = input;
        result.level = parameters_.working_level();
        result.scale = parameters_.scale(result.level);
        result.imaginary_noise = 0;
        add_noise(result, options_.bootstrap_noise);
        outputs.push_back(std::move(result));
    }
    return outputs;
}

ClearValue ClearBackend::select_token(const Value& input, std::span<const std::size_t> rows) {
    for (const std::size_t row : rows) {
        require(row < packing_.tokens, "token {} of {} cannot be selected", row, packing_.tokens);
    }
    Value result = input;
    result.scale *= parameters_.scale(input.level);
    rescale(result);
    const std::size_t length = packing_.row();
    const std::vector<double> all = result.slots;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::size_t position = i % length;
        result.slots[i] = all[rows[position / packing_.features] * length + position];
    }
    // A rotation's rounding for every doubling of rows; the earlier ones are added up by the later.
    add_noise(result, std::sqrt(2 * static_cast<double>(packing_.tokens)) * rounding_noise(result.level));
    return result;
}

}  // namespace polyformer::runtime
