#include "polyformer/compile/layout/slots.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

void check_count(const Frame& frame, const Lengths& lengths) {
    require(!lengths.empty() && lengths.size() <= frame.packing.images,
            "{} texts or images were given, but the plan takes 1 to {} at a time", lengths.size(),
            frame.packing.images);
}

/// The rows in front of each.
std::vector<std::size_t> first_rows(const Lengths& rows) {
    std::vector<std::size_t> first(rows.size());
    std::exclusive_scan(rows.begin(), rows.end(), first.begin(), std::size_t{0});
    return first;
}

}  // namespace

std::vector<std::vector<double>> pack_input(const Frame& frame, std::span<const double> embedded,
                                            const Lengths& lengths) {
    check_count(frame, lengths);
    for (const std::size_t length : lengths) {
        require(length >= 1 && length <= frame.context,
                "a text of {} tokens does not fit the model's context of 1 to {} tokens", length, frame.context);
        require(length >= frame.least_rows, "{} tokens are too few: this model needs all {} tokens of its context",
                length, frame.least_rows);
    }
    const std::size_t rows = std::reduce(lengths.begin(), lengths.end());
    require(embedded.size() == rows * frame.width,
            "{} embedded values are not {} tokens of {} features, of {} text(s) or image(s)", embedded.size(), rows,
            frame.width, lengths.size());
    const Layout& layout = frame.input_layout;
    const std::size_t row = frame.packing.row();
    const std::vector<std::size_t> first = first_rows(lengths);
    std::vector<std::vector<double>> slots;
    for (const auto& positions : layout.position) {
        auto& vector = slots.emplace_back(frame.packing.slots);
        for (std::size_t t = 0; t < frame.packing.tokens; ++t) {
            for (std::size_t p = 0; p < row; ++p) {
                if (positions[p] == Layout::kNothing) continue;
                const std::size_t image = std::min(layout.image(positions[p]), lengths.size() - 1);
                const std::size_t token = t % lengths[image];
                const std::size_t feature = layout.feature(positions[p]);
                const double value = embedded[(first[image] + token) * frame.width + feature];
                require(std::abs(value) <= frame.input_bound,
                        "feature {} of token {} is {}, outside the bound of {} that the model was calibrated for",
                        feature, token, value, frame.input_bound);
                vector[t * row + p] = value / frame.input_bound;
            }
        }
    }
    return slots;
}

std::optional<std::size_t> logit_in_slot(const Frame& frame, std::size_t ciphertext, std::size_t slot,
                                         const Lengths& rows) {
    const Layout& layout = frame.output_layout;
    const std::int32_t held = layout.position[ciphertext][slot % layout.row()];
    if (held == Layout::kNothing) return std::nullopt;
    const std::size_t row = frame.one_row ? 0 : slot / layout.row();
    const std::size_t image = std::min(layout.image(held), rows.size() - 1);
    if (row >= rows[image]) return std::nullopt;
    const std::size_t first = std::reduce(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(image));
    return (first + row) * frame.vocabulary + layout.feature(held);
}

std::vector<double> unpack_output(const Frame& frame, std::span<const std::vector<double>> slots, const Lengths& rows) {
    check_count(frame, rows);
    for (const std::size_t count : rows) {
        require(frame.one_row ? count == 1 : count >= 1 && count <= frame.packing.tokens,
                "{} rows of logits were asked for, but the plan gives {}", count,
                frame.one_row ? 1 : frame.packing.tokens);
    }
    require(slots.size() == frame.output_ciphertexts(), "a reply of {} ciphertexts was given, but the plan makes {}",
            slots.size(), frame.output_ciphertexts());
    for (const std::vector<double>& vector : slots) {
        require(vector.size() == frame.packing.slots, "a vector of {} slots was given, but ciphertexts have {}",
                vector.size(), frame.packing.slots);
    }
    std::vector<double> logits(std::reduce(rows.begin(), rows.end()) * frame.vocabulary);
    const Layout& layout = frame.output_layout;
    const std::vector<std::size_t> first = first_rows(rows);
    const std::size_t most = *std::ranges::max_element(rows);
    // Backwards, so that of several copies the first is taken, and an image's own place before that of a copy.
    for (std::size_t c = slots.size(); c-- > 0;) {
        for (std::size_t slot = most * layout.row(); slot-- > 0;) {
            const std::int32_t held = layout.position[c][slot % layout.row()];
            if (held == Layout::kNothing || layout.image(held) >= rows.size()) continue;
            const std::size_t row = slot / layout.row();
            if (row >= rows[layout.image(held)]) continue;
            logits[(first[layout.image(held)] + row) * frame.vocabulary + layout.feature(held)] =
                frame.output_bound * slots[c][slot];
        }
    }
    return logits;
}

}  // namespace polyformer::compile
