#include "polyformer/runtime/noise/noise_backend.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <optional>

#include "polyformer/runtime/noise/noise.h"

namespace polyformer::runtime {

NoiseValue NoiseBackend::plain(Value value) {
    value.scale = 1;
    value.squared = value.split = value.half = false;
    return value;
}

NoiseValue NoiseBackend::plain(const Value& value, const Value& factor) {
    Value result = plain(value);
    result.mean *= factor.scale;
    result.deviation *= factor.scale;
    if (factor.scales_noise) {
        result.noise *= factor.scale;
        result.imaginary *= factor.scale;
    }
    return result;
}

void NoiseBackend::add_noise(Value& value, double deviation) {
    value.noise = std::hypot(value.noise, deviation);
    value.imaginary = std::hypot(value.imaginary, deviation);
}

NoiseValue NoiseBackend::rescaled(Value value) const {
    --value.level;
    add_noise(value, rounding_noise(parameters_, value.level));
    return value;
}

NoiseValue NoiseBackend::encrypt(int level, double share) const {
    const double noise = fresh_noise(parameters_, level);
    return {.level = level, .noise = noise, .imaginary = noise, .deviation = input_deviation_, .share = share};
}

NoiseValue NoiseBackend::adjust(const Value& value, int level) const {
    if (value.level == level) return value;
    Value result = value;
    result.level = level;
    add_noise(result, rounding_noise(parameters_, level));
    return result;
}

NoiseValue NoiseBackend::scaled(const Value& value, double factor) const {
    Value result = value;
    result.noise *= std::abs(factor);
    result.imaginary *= std::abs(factor);
    result.mean *= factor;
    result.deviation *= std::abs(factor);
    return result;
}

NoiseValue NoiseBackend::add(const Value& left, const Value& right) const {
    Value result = left;
    result.scale = 1;
    result.noise = std::hypot(left.noise, right.noise);
    result.imaginary = std::hypot(left.imaginary, right.imaginary);
    set_bounded(result, {left.mean + right.mean, std::hypot(left.deviation, right.deviation),
                         std::max(left.share, right.share)});
    return result;
}

NoiseValue NoiseBackend::multiply(const Value& first, const Value& second) const {
    const Value left = plain(first, second);
    const Value right = plain(second, first);
    Value result = left;
    result.noise = product_noise(left.noise, left.size(), right.noise, right.size());
    result.imaginary = product_noise(left.imaginary, left.size(), right.imaginary, right.size());
    set_bounded(result, product(spread_of_value(left), spread_of_value(right)));
    return rescaled(result);
}

NoiseValue NoiseBackend::square(const Value& value) const {
    Value result = plain(value);
    result.split = value.split;
    result.squared = !value.split;
    result.noise = 2 * value.noise * value.size();
    result.imaginary = 2 * value.imaginary * value.size();
    // Of a normal distribution.
    const double own = value.deviation * value.deviation;
    set_bounded(result, {value.size() * value.size(), std::sqrt(2 * own * own + 4 * own * value.mean * value.mean),
                         value.share});
    return rescaled(result);
}

double NoiseBackend::imaginary_output_noise(const ckks::PeriodicDiagonals& map, std::size_t output,
                                            std::span<const Value> inputs) const {
    InputNoise noise;
    for (const Value& input : inputs) noise.imaginary.push_back(input.imaginary);
    return imaginary_map_noise(parameters_, map, output, inputs.front().level, noise);
}

NoiseValue NoiseBackend::map_output(const compile::LinearMapStep& step, std::size_t output,
                                    std::span<const Value> inputs) const {
    const std::size_t period = step.map.period;
    std::vector<double> means(period);
    std::vector<double> variances(period);
    std::vector<double> noises(period);
    std::vector<bool> used(period, false);
    const double rounding = std::pow(rounding_noise(parameters_, inputs.front().level), 2);
    const auto leaked = [&](std::size_t i) { return std::pow(inputs[i].imaginary, 2); };
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const double variance = std::pow(inputs[i].deviation, 2);
        const std::optional<std::size_t> paired = paired_input(step.map, i);
        const double own = std::pow(inputs[i].noise, 2) + (paired ? leaked(*paired) : 0);
        const ckks::DiagonalBlock& block = step.map.blocks[output][i];
        for (std::size_t index = 0; index < block.size(); ++index) {
            const double noise = own + roundings(step.map, block.offset(index)) * rounding;
            block.for_each(index, [&](std::size_t p, double value) {
                if (value == 0) return;
                const double square = value * value;
                means[p] += value * inputs[i].mean;
                variances[p] += square * variance;
                noises[p] += square * noise;
                used[p] = true;
            });
        }
    }
    if (const std::optional<std::size_t> paired = paired_output(step.map, output)) {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const ckks::DiagonalBlock& block = step.map.blocks[*paired][i];
            for (std::size_t index = 0; index < block.size(); ++index) {
                const double noise = leaked(i) + roundings(step.map, block.offset(index)) * rounding;
                block.for_each(index, [&](std::size_t p, double value) { noises[p] += value * value * noise; });
            }
        }
    }
    const std::vector<double>& bias = step.bias[output];
    double count = 0;
    double mean = 0;
    double square = 0;
    double noise = 0;
    for (std::size_t p = 0; p < period; ++p) {
        if (!used[p]) continue;
        const double value = means[p] + (bias.empty() ? 0.0 : bias[p % bias.size()]);
        count += 1;
        mean += value;
        square += value * value + variances[p];
        noise += noises[p];
    }
    Value result = plain(inputs.front());
    result.squared = inputs.front().squared;
    if (count == 0) {
        const Spread constant = spread_of(bias);
        result.noise = result.imaginary = 0;
        set_spread(result, constant);
        return rescaled(result);
    }
    result.noise = std::sqrt(noise / count);
    result.imaginary = imaginary_output_noise(step.map, output, inputs);
    mean /= count;
    set_bounded(result,
                {mean, std::sqrt(std::max(0.0, square / count - mean * mean)), count / static_cast<double>(period)});
    result = rescaled(result);
    add_noise(result, parting_noise(parameters_, step.map, output, result.level));
    return result;
}

std::vector<NoiseValue> NoiseBackend::linear_map(const compile::LinearMapStep& step,
                                                 std::span<const Value> inputs) const {
    std::vector<Value> outputs;
    for (std::size_t o = 0; o < step.map.outputs; ++o) outputs.push_back(map_output(step, o, inputs));
    return outputs;
}

NoiseValue NoiseBackend::affine(const compile::AffineStep& step, const Value& input) const {
    Value result = input;
    result.scale = 1;
    const Spread mask = spread_of(step.mask);
    const Spread addend = spread_of(step.addend);
    result.noise *= std::hypot(mask.mean, mask.deviation);
    result.imaginary *= std::hypot(mask.mean, mask.deviation);
    const Spread scaled = product(spread_of_value(input), mask);
    set_bounded(result, {scaled.mean + addend.mean, std::hypot(scaled.deviation, addend.deviation), scaled.share});
    return rescaled(result);
}

std::vector<NoiseValue> NoiseBackend::polynomial(const compile::PolynomialStep& step, std::span<const Value> inputs) {
    const std::vector<double>& coefficients = step.series.coefficients;
    const Spread mask = spread_of(std::span<const std::complex<double>>(step.series.mask));
    std::vector<Value> outputs;
    for (const Value& input : inputs) {
        Value result = plain(input);
        result.level = input.level - step.series.depth();
        const double own = polynomial_noise(parameters_, coefficients, input.level, 0);
        PolynomialSpread found;
        if (step.inverse) {
            const InverseSpread inverse = inverse_spread(step, input);
            found = {inverse.values, inverse.gain * inverse.scale};
            result.scale = inverse.scale;
            result.scales_noise = !input.squared;
            if (input.squared && first_norm_scale_ == 0) first_norm_scale_ = inverse.scale;
        } else {
            found = polynomial_spread(coefficients, input);
        }
        result.noise = std::hypot(found.gain * input.noise, own);
        result.imaginary = std::hypot(found.gain * input.imaginary, own);
        set_spread(result, found.values);
        if (!step.series.mask.empty()) {
            result.noise *= std::hypot(mask.mean, mask.deviation);
            set_spread(result, product(found.values, mask));
            result.split = std::ranges::any_of(step.series.mask, [](const auto& weight) { return weight.imag() != 0; });
        }
        add_noise(result, rounding_noise(parameters_, result.level));
        outputs.push_back(result);
    }
    return outputs;
}

std::vector<NoiseValue> NoiseBackend::rotated_product(const compile::RotatedProductStep& step,
                                                      std::span<const Value> left, std::span<const Value> right) const {
    const double terms = static_cast<double>(step.product.last - step.product.first);
    std::vector<Value> outputs;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const double rotation = rotated_factor_noise(parameters_, step.product, left[i].level);
        Value result = plain(left[i]);
        result.noise = std::sqrt(terms) * product_noise(left[i].noise + rotation, left[i].size(),
                                                        right[i].noise + rotation, right[i].size());
        const Spread one = product(spread_of_value(left[i]), spread_of_value(right[i]));
        set_bounded(result, {terms * one.mean, std::sqrt(terms) * one.deviation, one.share});
        outputs.push_back(rescaled(result));
    }
    return outputs;
}

NoiseValue NoiseBackend::sum_slots(const compile::SumSlotsStep& step, const Value& input) const {
    const auto count = static_cast<double>(step.count);
    const double rounding = rounding_noise(parameters_, input.level);
    Value result = input;
    if (count * input.share <= 1.001) {  // one term each: copies
        result.share = count * input.share;
        add_noise(result, rounding * std::sqrt(std::countr_zero(step.count)));
        return result;
    }
    // A sum over features meets the positions without one; tokens, and lanes of a head, lie close.
    const bool over_features = step.stride == 1 && 4 * step.count >= packing_.features;
    const double terms = over_features ? count * input.share : count;
    // Each rotation's rounding is added up by those after it.
    result.noise *= std::sqrt(terms);
    result.imaginary *= std::sqrt(terms);
    add_noise(result, rounding * std::sqrt(count));
    set_spread(result, {terms * input.mean, std::sqrt(terms) * input.deviation, over_features ? 1 : input.share});
    return result;
}

NoiseValue NoiseBackend::combine(const compile::CombineStep& step, std::span<const Value> values) const {
    std::array<PartOfSum, 2> parts;  // real, imaginary
    std::size_t key_switches = step.doubled_real_part ? 1 : 0;
    bool only_whole = true;
    for (std::size_t k = 0; k < values.size(); ++k) {
        const compile::CombineStep::Term& term = step.terms[k];
        key_switches += term.rotation != 0 ? 1 : 0;
        only_whole = only_whole && values[k].split && term.rotation == 0 && term.quarter_turns == 0;
        // The same ciphertext twice is one that is twice as large.
        double times = 0;
        bool first = true;
        for (std::size_t other = 0; other < values.size(); ++other) {
            const compile::CombineStep::Term& same = step.terms[other];
            if (same.input != term.input || same.rotation != term.rotation ||
                same.quarter_turns != term.quarter_turns) {
                continue;
            }
            times += 1;
            first = first && other >= k;
        }
        if (!first) continue;
        const auto turns = static_cast<std::size_t>(term.quarter_turns);
        const double sign = times * (turns / 2 % 2 == 0 ? 1 : -1);
        const double share = values[k].split ? values[k].share / 2 : values[k].share;
        const bool half = values[k].split || values[k].half;
        parts[turns % 2].add(sign, values[k], share, half);
        // The imaginary part of what is turned: the other half of weights, or of raw scores, another block beside it.
        if (values[k].split)
            parts[1 - turns % 2].add(turns % 2 == 0 ? sign : -sign, values[k], share, half);
        else if (step.doubled_real_part && turns % 2 == 1)
            parts[0].add(-sign, values[k], share, true);
    }
    Value result = values.front();
    if (only_whole && !step.doubled_real_part) {
        // Weights of several blocks: what is real of one is so of all.
        result.mean = result.deviation = result.noise = 0;
        for (const Value& value : values) {
            result.mean += value.mean;
            result.deviation = std::hypot(result.deviation, value.deviation);
            result.noise = std::hypot(result.noise, value.noise);
        }
    } else {
        const PartOfSum& part = parts[0].shares > 0 || step.doubled_real_part ? parts[0] : parts[1];
        const double share = std::max(part.share(), 1e-9);  // of what is all zero
        const double factor = step.doubled_real_part ? 2 : 1;
        result.noise = factor * std::sqrt(part.noise / share);
        result.split = false;
        result.half = part.halves && part.shares == part.most;
        set_bounded(result, {factor * part.mean / share, factor * std::sqrt(part.variance / share), share});
    }
    const Spread addend = spread_of(step.addend);
    set_bounded(result, {result.mean + addend.mean, std::hypot(result.deviation, addend.deviation), result.share});
    result.imaginary = 0;
    for (const Value& value : values) {
        if (!step.doubled_real_part) result.imaginary = std::hypot(result.imaginary, value.imaginary);
    }
    add_noise(result, std::sqrt(static_cast<double>(key_switches)) * rounding_noise(parameters_, result.level));
    return result;
}

std::vector<NoiseValue> NoiseBackend::bootstrap(std::span<const Value> inputs) const {
    std::vector<Value> outputs(inputs.begin(), inputs.end());
    for (Value& output : outputs) {
        output.level = parameters_.working_level();
        output.imaginary = 0;
        add_noise(output, kBootstrapNoise);
    }
    return outputs;
}

NoiseValue NoiseBackend::select_token(const Value& input, std::span<const std::size_t>) const {
    Value result = rescaled(input);
    const double copies = std::sqrt(2 * static_cast<double>(packing_.tokens));
    add_noise(result, copies * rounding_noise(parameters_, result.level));
    return result;
}

}  // namespace polyformer::runtime
