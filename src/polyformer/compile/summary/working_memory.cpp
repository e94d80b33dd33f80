#include "polyformer/compile/summary/working_memory.h"

#include <algorithm>
#include <bit>
#include <map>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/circuits/map_shape.h"
#include "polyformer/compile/schedule/costs.h"
#include "polyformer/compile/schedule/key_choice.h"
#include "polyformer/model/graph/visit.h"

namespace polyformer::compile {

namespace {

using ckks::Parameters;
using model::Overloaded;

std::size_t polynomial_bytes(const Parameters& parameters, int level) {
    return static_cast<std::size_t>(level + 1) * parameters.ring_dimension() * sizeof(std::uint64_t);
}

std::size_t ciphertext_bytes(const Parameters& parameters, int level) {
    return 2 * polynomial_bytes(parameters, level);
}

/// A ciphertext decomposed into digits over the extended basis.
std::size_t hoisted_bytes(const Parameters& parameters, int level) {
    return static_cast<std::size_t>(parameters.digits(level)) *
           polynomial_bytes(parameters, level + parameters.special_count());
}

/// The program and its heap, and what the pool of blocks has cut its slabs into and not given out: different steps want
/// blocks of different sizes. Measured.
constexpr std::size_t kProcess = std::size_t{256} << 20;

/// What parameters and evaluator keep beside the keys: roots and their quotients for every prime, and the permutation
/// of every rotation that has a key.
std::size_t table_bytes(const Parameters& parameters, std::size_t rotations) {
    const std::size_t roots = 2 * polynomial_bytes(parameters, parameters.max_level() + parameters.special_count());
    return roots + rotations * parameters.ring_dimension() * sizeof(std::uint32_t);
}

/// Scratch of one bootstrap: the sums of a CoeffsToSlots factor, or the powers of EvalMod.
std::size_t bootstrap_scratch_bytes(const Parameters& parameters, std::size_t values) {
    const std::size_t live = 12 + values;
    return live * ciphertext_bytes(parameters, parameters.max_level() + parameters.special_count());
}

std::size_t extended_bytes(const Parameters& parameters, int level) {
    return ciphertext_bytes(parameters, level + parameters.special_count());
}

/// Baby rotations of all inputs, and beside them first the digits that they are made from, then sums and plaintexts
/// of some giant steps of some outputs.
std::size_t map_scratch_bytes(const Parameters& parameters, const LinearMapStep& map, int level) {
    const ckks::PairedMap paired(ckks::MapShape(map.map), map.map.pairing, map.map.baby, map.map.saving);
    const std::size_t one = ciphertext_bytes(parameters, level);
    const std::size_t digits = hoisted_bytes(parameters, level);
    const std::size_t outputs = std::min(ckks::kMapOutputsAtATime, paired.outputs);
    const std::size_t sums = outputs * std::min(ckks::kMapGiantsAtATime, paired.giant_steps.size());
    const std::size_t plaintext = polynomial_bytes(parameters, level) / (parameters.slots() / map.map.period);
    const std::size_t rotated = paired.inputs * paired.baby_steps.size();
    return rotated * one +
           std::max(paired.inputs * static_cast<std::size_t>(paired.saving.inner) * digits,
                    sums * (one + rotated * plaintext) + outputs * (digits + 2 * extended_bytes(parameters, level)));
}

/// What a step needs besides its operands, brought down to its level, and results.
std::size_t scratch_bytes(const Parameters& parameters, const Step& step) {
    const std::size_t one = ciphertext_bytes(parameters, step.level);
    const std::size_t operands = inputs_of(step.operation).size() * one;
    return operands +
           std::visit(
               Overloaded{[&](const LinearMapStep& map) { return map_scratch_bytes(parameters, map, step.level); },
                          [&](const RotatedProductStep& product) {
                              // Rotations of both operands, their digits, the sums so far and what is added to them.
                              const auto baby = static_cast<std::size_t>(product.product.baby);
                              const auto lefts = static_cast<std::size_t>(product.product.left_shifts);
                              return product.outputs.size() *
                                     (((lefts + 1) * baby + 3) * one + 2 * hoisted_bytes(parameters, step.level) +
                                      2 * extended_bytes(parameters, step.level));
                          },
                          [&](const PolynomialStep& polynomial) {
                              // Powers of one input after the other, and each coefficient under the mask, for all of
                              // them.
                              const std::size_t powers = 2 * std::bit_width(polynomial.series.degree()) + 2;
                              const std::size_t masked = polynomial.scores ? polynomial.series.coefficients.size() : 0;
                              const int middle = (step.level + step.output_level) / 2;
                              return powers * one + hoisted_bytes(parameters, step.level) +
                                     masked * polynomial_bytes(parameters, middle);
                          },
                          [&](const BootstrapStep& bootstrap) {
                              return bootstrap_scratch_bytes(parameters, bootstrap.inputs.size());
                          },
                          [&](const auto&) {
                              return 2 * one + hoisted_bytes(parameters, step.level) +
                                     extended_bytes(parameters, step.level);
                          }},
               step.operation);
}

/// The step after which each value is not needed any more; steps.size() for the outputs.
std::map<ValueId, std::size_t> last_uses(const Plan& plan) {
    std::map<ValueId, std::size_t> last_use;
    for (std::size_t s = 0; s < plan.steps.size(); ++s) {
        for (const ValueId input : inputs_of(plan.steps[s].operation)) last_use[input] = s;
    }
    for (const ValueId output : plan.outputs) last_use[output] = plan.steps.size();
    return last_use;
}

/// The most that values and one step's own needs take together.
std::size_t most_live_bytes(const Plan& plan) {
    const Parameters& parameters = plan.frame.parameters;
    const std::map<ValueId, std::size_t> last_use = last_uses(plan);
    std::map<ValueId, int> levels;
    std::size_t live = 0;
    const auto add = [&](ValueId value, int level) {
        levels[value] = level;
        live += ciphertext_bytes(parameters, level);
    };
    for (const ValueId input : plan.inputs) add(input, plan.frame.input_level);
    std::size_t most = live;
    for (std::size_t s = 0; s < plan.steps.size(); ++s) {
        const Step& step = plan.steps[s];
        for (const ValueId output : outputs_of(step.operation)) add(output, step.output_level);
        most = std::max(most, live + scratch_bytes(parameters, step));
        std::vector<ValueId> inputs = inputs_of(step.operation);
        std::ranges::sort(inputs);
        inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
        for (const ValueId input : inputs) {
            if (last_use.at(input) == s) live -= ciphertext_bytes(parameters, levels[input]);
        }
    }
    return most;
}

std::size_t bytes_of(const std::vector<double>& values) {
    return values.size() * sizeof(double);
}

/// What a map holds, from which plaintexts are encoded.
std::size_t weight_bytes(const LinearMapStep& map) {
    std::size_t bytes = 0;
    for (const auto& row : map.map.blocks) {
        for (const ckks::DiagonalBlock& block : row) bytes += block.bytes();
    }
    for (const std::vector<double>& bias : map.bias) bytes += bytes_of(bias);
    return bytes;
}

/// What the steps themselves hold: the model's weights, constants and masks.
std::size_t weight_bytes(const Plan& plan) {
    std::size_t bytes = 0;
    for (const Step& step : plan.steps) {
        bytes += std::visit(
            Overloaded{[](const LinearMapStep& map) { return weight_bytes(map); },
                       [](const AffineStep& affine) { return bytes_of(affine.mask) + bytes_of(affine.addend); },
                       [](const CombineStep& combine) { return bytes_of(combine.addend); },
                       [](const auto&) { return std::size_t{0}; }},
            step.operation);
    }
    return bytes;
}

}  // namespace

std::size_t working_bytes(const Plan& plan) {
    const Parameters& parameters = plan.frame.parameters;
    const std::size_t transforms =
        bootstraps(plan.steps) > 0
            ? ckks::Bootstrapper::plaintext_bytes(parameters, parameters.slots(), plan.bootstrap_key_price)
            : 0;
    return kProcess + most_live_bytes(plan) + weight_bytes(plan) + table_bytes(parameters, plan.keys.rotations()) +
           transforms;
}

}  // namespace polyformer::compile
