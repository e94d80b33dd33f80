#include "polyformer/trainer/network/initialisation.h"

#include <cmath>

namespace polyformer::train {

void initialise(const torch::nn::Linear& linear, double gain) {
    torch::nn::init::normal_(linear->weight, 0, gain / std::sqrt(static_cast<double>(linear->options.in_features())));
    torch::nn::init::zeros_(linear->bias);
}

double residual_stream_gain(std::size_t layers) {
    return 1 / std::sqrt(2.0 * static_cast<double>(layers));
}

void initialise_scores(const torch::nn::Linear& query_key_value, std::size_t heads, const Attention& attention) {
    const std::int64_t width = query_key_value->options.in_features();
    const double head_width = static_cast<double>(width) / static_cast<double>(heads);
    const double bias = std::sqrt(std::abs(attention.initial_score) / std::sqrt(head_width));
    const torch::NoGradGuard no_gradients;
    torch::nn::init::constant_(query_key_value->bias.slice(0, 0, width), bias);
    torch::nn::init::constant_(query_key_value->bias.slice(0, width, 2 * width),
                               std::copysign(bias, attention.initial_score));
}

}  // namespace polyformer::train
