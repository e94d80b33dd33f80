#include "tests/trainer/toy.h"

#include <memory>
#include <utility>

#include "polyformer/trainer/batches/batches.h"

namespace polyformer::train {

Architecture toy_architecture() {
    return {.layers = 1, .width = 16, .heads = 2, .context = 8, .feed_forward = 32, .vocabulary = 20};
}

Transformer toy_model(std::uint64_t seed) {
    torch::manual_seed(seed);
    torch::set_num_threads(1);
    Transformer model(toy_architecture());
    const torch::NoGradGuard no_gradients;
    for (const torch::Tensor& parameter : model->parameters()) {
        if (parameter.dim() == 1) parameter.add_(torch::randn_like(parameter), 0.1);
    }
    return model;
}

std::vector<std::int32_t> toy_text(std::size_t length) {
    std::vector<std::int32_t> text = {1};
    for (std::size_t i = 1; i < length; ++i) {
        const auto noise = static_cast<std::int32_t>(mix(7, i) % 8 == 0 ? mix(8, i) % 20 : 0);
        text.push_back((3 * text.back() + 1 + noise) % 20);
    }
    return text;
}

PreparedText prepared_from(std::vector<std::int32_t> ids, std::size_t vocabulary) {
    const auto owner = std::make_shared<const std::vector<std::int32_t>>(std::move(ids));
    PreparedText text;
    text.vocabulary = vocabulary;
    text.words = owner->size() / 2;
    text.ids = *owner;
    text.owner = owner;
    return text;
}

PreparedText toy_prepared(std::size_t length) {
    return prepared_from(toy_text(length), 20);
}

}  // namespace polyformer::train
