// Embedded tokens to slots of the request, slots of the reply to logits.
#include <algorithm>
#include <cmath>

#include "polyformer/compile/plan/plan.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

void check_images(const Plan& plan, std::size_t images) {
    require(images >= 1 && images <= plan.packing.images, "{} images were given, but the plan takes 1 to {} at a time",
            images, plan.packing.images);
}

}  // namespace

std::vector<std::vector<double>> pack_input(const Plan& plan, std::span<const double> embedded, std::size_t rows,
                                            std::size_t images) {
    require(rows >= 1 && rows <= plan.context, "a text of {} tokens does not fit the model's context of 1 to {} tokens",
            rows, plan.context);
    require(rows >= plan.least_rows, "{} tokens are too few: this model needs all {} tokens of its context", rows,
            plan.least_rows);
    check_images(plan, images);
    require(embedded.size() == images * rows * plan.width,
            "{} embedded values are not {} tokens of {} features for each of {} image(s) or text(s)", embedded.size(),
            rows, plan.width, images);
    const Layout& layout = plan.input_layout;
    const std::size_t row = plan.packing.row();
    std::vector<std::vector<double>> slots;
    for (const auto& positions : layout.position) {
        auto& vector = slots.emplace_back(plan.packing.slots);
        for (std::size_t t = 0; t < plan.packing.tokens; ++t) {
            for (std::size_t p = 0; p < row; ++p) {
                if (positions[p] == Layout::kNothing) continue;
                const std::size_t image = std::min(layout.image(positions[p]), images - 1);
                const std::size_t feature = layout.feature(positions[p]);
                const double value = embedded[(image * rows + t % rows) * plan.width + feature];
                require(std::abs(value) <= plan.input_bound,
                        "feature {} of token {} is {}, outside the bound of {} that the model was calibrated for",
                        feature, t % rows, value, plan.input_bound);
                vector[t * row + p] = value / plan.input_bound;
            }
        }
    }
    return slots;
}

std::vector<double> unpack_output(const Plan& plan, std::span<const std::vector<double>> slots, std::size_t rows,
                                  std::size_t images) {
    const bool one_row = plan.gives_one_row();
    require(one_row ? rows == 1 : rows >= 1 && rows <= plan.packing.tokens,
            "{} rows of logits were asked for, but the plan gives {}", rows, one_row ? 1 : plan.packing.tokens);
    check_images(plan, images);
    require(slots.size() == plan.outputs.size(), "a reply of {} ciphertexts was given, but the plan makes {}",
            slots.size(), plan.outputs.size());
    for (const std::vector<double>& vector : slots) {
        require(vector.size() == plan.packing.slots, "a vector of {} slots was given, but ciphertexts have {}",
                vector.size(), plan.packing.slots);
    }
    std::vector<double> logits(images * rows * plan.vocabulary);
    if (one_row) {
        for (std::size_t i = 0; i < logits.size(); ++i) {
            const std::size_t slot = plan.output_slot[i];
            logits[i] = plan.output_bound * slots[slot / plan.packing.slots][slot % plan.packing.slots];
        }
        return logits;
    }
    const Layout& layout = plan.output_layout;
    for (std::size_t c = 0; c < slots.size(); ++c) {
        for (std::size_t p = 0; p < layout.row(); ++p) {
            const std::int32_t held = layout.position[c][p];
            if (held == Layout::kNothing || layout.image(held) >= images) continue;
            for (std::size_t t = 0; t < rows; ++t) {
                const std::size_t row = layout.image(held) * rows + t;
                logits[row * plan.vocabulary + layout.feature(held)] =
                    plan.output_bound * slots[c][t * layout.row() + p];
            }
        }
    }
    return logits;
}

}  // namespace polyformer::compile
