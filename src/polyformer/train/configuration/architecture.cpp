#include "polyformer/train/configuration/architecture.h"

#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::train {

double length_factor(const std::string& factor, double length) {
    if (factor == "1") return 1;
    if (factor == "1/sqrt(L)") return 1 / std::sqrt(length);
    if (factor == "1/L") return 1 / length;
    fail("a length factor of '{}' is none of: 1, 1/sqrt(L), 1/L", factor);
}

std::string obstacle_to_substitution(const Attention& attention) {
    const std::string& form = attention.form;
    if (form == "pointwise") return {};
    return fmt::format(
        "attention of the form '{}' divides by a sum over keys, which no polynomial of the scores gives: convert a "
        "model with model.attention.form \"pointwise\"",
        form);
}

nlohmann::ordered_json to_json(const Attention& attention) {
    return {{"form", attention.form},
            {"function", attention.function},
            {"scale_before", attention.scale_before},
            {"scale_after", attention.scale_after},
            {"length", attention.length},
            {"key_weights", attention.key_weights},
            {"initial_score", attention.initial_score},
            {"power", attention.power}};
}

nlohmann::ordered_json to_json(const Architecture& model) {
    return {{"layers", model.layers},
            {"width", model.width},
            {"heads", model.heads},
            {"context", model.context},
            {"feed_forward", model.feed_forward},
            {"vocabulary", model.vocabulary},
            {"attention", to_json(model.attention)},
            {"norm", model.norm},
            {"activation", model.activation}};
}

}  // namespace polyformer::train
