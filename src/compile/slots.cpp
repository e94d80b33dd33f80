// Embedded tokens to slots of the request, slots of the reply to logits.
#include <cmath>

#include "compile/plan.h"
#include "support/error.h"

namespace polyformer::compile {

std::vector<std::vector<double>> pack_input(const Plan& plan, std::span<const double> embedded, std::size_t rows) {
    require(rows >= 1 && rows <= plan.context, "a text of {} tokens does not fit the model's context of 1 to {} tokens",
            rows, plan.context);
    require(rows >= plan.least_rows,
            "a text of {} tokens is too short: this model looks ahead, and so needs all {} tokens of its context", rows,
            plan.least_rows);
    require(embedded.size() == rows * plan.width, "{} embedded values are not {} tokens of {} features",
            embedded.size(), rows, plan.width);
    const std::size_t features = plan.packing.features;
    std::vector<std::vector<double>> slots;
    for (const auto& positions : plan.input_layout.position) {
        auto& vector = slots.emplace_back(plan.packing.slots);
        for (std::size_t t = 0; t < plan.packing.tokens; ++t) {
            for (std::size_t f = 0; f < features; ++f) {
                if (positions[f] == Layout::kNothing) continue;
                const double value = embedded[t % rows * plan.width + static_cast<std::size_t>(positions[f])];
                require(std::abs(value) <= plan.input_bound,
                        "feature {} of token {} is {}, outside the bound of {} that the model was calibrated for",
                        positions[f], t % rows, value, plan.input_bound);
                vector[t * features + f] = value / plan.input_bound;
            }
        }
    }
    return slots;
}

std::vector<double> unpack_output(const Plan& plan, std::span<const std::vector<double>> slots, std::size_t rows) {
    const bool last = plan.options.positions == Positions::last;
    require(last ? rows == 1 : rows >= 1 && rows <= plan.packing.tokens,
            "{} rows of logits were asked for, but the plan gives {}", rows, last ? 1 : plan.packing.tokens);
    require(slots.size() == plan.outputs.size(), "a reply of {} ciphertexts was given, but the plan makes {}",
            slots.size(), plan.outputs.size());
    for (const std::vector<double>& vector : slots) {
        require(vector.size() == plan.packing.slots, "a vector of {} slots was given, but ciphertexts have {}",
                vector.size(), plan.packing.slots);
    }
    std::vector<double> logits(rows * plan.vocabulary);
    if (last) {
        for (std::size_t v = 0; v < plan.vocabulary; ++v) {
            const std::size_t slot = plan.output_slot[v];
            logits[v] = plan.output_bound * slots[slot / plan.packing.slots][slot % plan.packing.slots];
        }
        return logits;
    }
    for (std::size_t c = 0; c < slots.size(); ++c) {
        for (std::size_t f = 0; f < plan.packing.features; ++f) {
            const std::int32_t held = plan.output_layout.position[c][f];
            if (held == Layout::kNothing) continue;
            for (std::size_t t = 0; t < rows; ++t) {
                logits[t * plan.vocabulary + static_cast<std::size_t>(held)] =
                    plan.output_bound * slots[c][t * plan.packing.features + f];
            }
        }
    }
    return logits;
}

}  // namespace polyformer::compile
