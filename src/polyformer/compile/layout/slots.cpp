#include "polyformer/compile/layout/slots.h"

#include <algorithm>
#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

void check_images(const Frame& frame, std::size_t images) {
    require(images >= 1 && images <= frame.packing.images, "{} images were given, but the plan takes 1 to {} at a time",
            images, frame.packing.images);
}

}  // namespace

std::vector<std::vector<double>> pack_input(const Frame& frame, std::span<const double> embedded, std::size_t rows,
                                            std::size_t images) {
    require(rows >= 1 && rows <= frame.context,
            "a text of {} tokens does not fit the model's context of 1 to {} tokens", rows, frame.context);
    require(rows >= frame.least_rows, "{} tokens are too few: this model needs all {} tokens of its context", rows,
            frame.least_rows);
    check_images(frame, images);
    require(embedded.size() == images * rows * frame.width,
            "{} embedded values are not {} tokens of {} features for each of {} image(s) or text(s)", embedded.size(),
            rows, frame.width, images);
    const Layout& layout = frame.input_layout;
    const std::size_t row = frame.packing.row();
    std::vector<std::vector<double>> slots;
    for (const auto& positions : layout.position) {
        auto& vector = slots.emplace_back(frame.packing.slots);
        for (std::size_t t = 0; t < frame.packing.tokens; ++t) {
            for (std::size_t p = 0; p < row; ++p) {
                if (positions[p] == Layout::kNothing) continue;
                const std::size_t image = std::min(layout.image(positions[p]), images - 1);
                const std::size_t feature = layout.feature(positions[p]);
                const double value = embedded[(image * rows + t % rows) * frame.width + feature];
                require(std::abs(value) <= frame.input_bound,
                        "feature {} of token {} is {}, outside the bound of {} that the model was calibrated for",
                        feature, t % rows, value, frame.input_bound);
                vector[t * row + p] = value / frame.input_bound;
            }
        }
    }
    return slots;
}

std::optional<std::size_t> logit_in_slot(const Frame& frame, std::size_t ciphertext, std::size_t slot, std::size_t rows,
                                         std::size_t images) {
    const Layout& layout = frame.output_layout;
    const std::int32_t held = layout.position[ciphertext][slot % layout.row()];
    const std::size_t row = frame.one_row ? 0 : slot / layout.row();
    if (held == Layout::kNothing || row >= rows) return std::nullopt;
    const std::size_t image = std::min(layout.image(held), images - 1);
    return (image * rows + row) * frame.vocabulary + layout.feature(held);
}

std::vector<double> unpack_output(const Frame& frame, std::span<const std::vector<double>> slots, std::size_t rows,
                                  std::size_t images) {
    require(frame.one_row ? rows == 1 : rows >= 1 && rows <= frame.packing.tokens,
            "{} rows of logits were asked for, but the plan gives {}", rows, frame.one_row ? 1 : frame.packing.tokens);
    check_images(frame, images);
    require(slots.size() == frame.output_ciphertexts(), "a reply of {} ciphertexts was given, but the plan makes {}",
            slots.size(), frame.output_ciphertexts());
    for (const std::vector<double>& vector : slots) {
        require(vector.size() == frame.packing.slots, "a vector of {} slots was given, but ciphertexts have {}",
                vector.size(), frame.packing.slots);
    }
    std::vector<double> logits(images * rows * frame.vocabulary);
    const Layout& layout = frame.output_layout;
    // Backwards, so that of several copies the first is taken, and an image's own place before that of a copy.
    for (std::size_t c = slots.size(); c-- > 0;) {
        for (std::size_t slot = rows * layout.row(); slot-- > 0;) {
            const std::int32_t held = layout.position[c][slot % layout.row()];
            if (held == Layout::kNothing || layout.image(held) >= images) continue;
            const std::size_t row = layout.image(held) * rows + slot / layout.row();
            logits[row * frame.vocabulary + layout.feature(held)] = frame.output_bound * slots[c][slot];
        }
    }
    return logits;
}

}  // namespace polyformer::compile
