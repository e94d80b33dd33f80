#include "train/convert.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "approx/approximation.h"
#include "support/error.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

std::vector<float> floats_of(const Tensor& tensor) {
    const Tensor flat = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

model::Matrix matrix_of(const Tensor& tensor) {
    return {static_cast<std::size_t>(tensor.size(0)), static_cast<std::size_t>(tensor.size(1)), floats_of(tensor)};
}

// LibTorch keeps (C_out, C_in).
model::LinearWeights linear_of(const Tensor& weight, const Tensor& bias) {
    return {matrix_of(weight.t()), floats_of(bias)};
}

model::NormWeights norm_of(const torch::nn::LayerNorm& norm) {
    return {floats_of(norm->weight), floats_of(norm->bias)};
}

approx::Interval widened(const Site& site, const SeenRange& seen, double margin) {
    if (site.kind == SiteKind::variance) {
        const double reach = std::pow(seen.largest / seen.smallest, margin);
        return {seen.smallest / reach, seen.largest * reach};
    }
    const double reach = margin * (seen.largest - seen.smallest);
    return {seen.smallest - reach, seen.largest + reach};
}

}  // namespace

RangeTable measure_ranges(Transformer& model, Batches& batches, std::size_t steps) {
    const torch::NoGradGuard no_gradients;
    model->eval();
    RangeTable table;
    std::vector<Tensor> inputs;
    for (std::size_t step = 0; step < steps; ++step) {
        model->forward(batches.at(step).slice(1, 0, -1), &inputs);
        table.add(model->sites, inputs);
    }
    return table;
}

void set_target_ranges(std::vector<Site>& sites, const RangeTable& seen, const TargetRanges& targets) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
        Site& site = sites[i];
        if (site.kind == SiteKind::variance) {
            const double mean = std::exp(seen.rows()[i].mean_log);
            site.lower = mean / std::sqrt(targets.variance_ratio);
            site.upper = mean * std::sqrt(targets.variance_ratio);
        } else {
            site.upper = site.kind == SiteKind::scores ? targets.scores : targets.hidden;
            site.lower = -site.upper;
        }
    }
}

void substitute(std::vector<Site>& sites, const RangeTable& seen, const Substitution& substitution) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
        Site& site = sites[i];
        const SeenRange& range = seen.rows()[i];
        const approx::Interval interval = widened(site, range, substitution.margin);
        const bool variance = site.kind == SiteKind::variance;
        const std::size_t degree = variance                        ? substitution.inverse_sqrt_degree
                                   : site.kind == SiteKind::scores ? substitution.scores_degree
                                                                   : substitution.hidden_degree;
        approx::ChebyshevPolynomial fit =
            approx::minimax(approx::target_function(variance ? "inverse_sqrt" : "gelu"), interval, degree,
                            variance ? approx::ErrorKind::relative : approx::ErrorKind::absolute)
                .polynomial;
        site.polynomial = model::Polynomial{fit.lower, fit.upper, std::move(fit.coefficients)};
        site.lower = range.smallest;
        site.upper = range.largest;
    }
}

model::TransformerWeights export_weights(const Transformer& model) {
    model::TransformerWeights weights;
    weights.heads = model->architecture.heads;
    weights.score_scale = 1 / std::sqrt(static_cast<double>(model->architecture.width / model->architecture.heads));
    weights.tokens = matrix_of(model->tokens->weight);
    weights.positions = matrix_of(model->positions->weight);
    for (const Layer& layer : model->layers) {
        const std::vector<Tensor> qkv = layer->query_key_value->weight.chunk(3, 0);
        const std::vector<Tensor> qkv_bias = layer->query_key_value->bias.chunk(3, 0);
        weights.layers.push_back({.attention_norm = norm_of(layer->attention_norm),
                                  .query = linear_of(qkv[0], qkv_bias[0]),
                                  .key = linear_of(qkv[1], qkv_bias[1]),
                                  .value = linear_of(qkv[2], qkv_bias[2]),
                                  .output = linear_of(layer->output->weight, layer->output->bias),
                                  .feed_forward_norm = norm_of(layer->feed_forward_norm),
                                  .up = linear_of(layer->up->weight, layer->up->bias),
                                  .down = linear_of(layer->down->weight, layer->down->bias)});
    }
    weights.final_norm = norm_of(model->final_norm);
    weights.logits = {matrix_of(model->tokens->weight.t()), {}};
    weights.length_scale = floats_of(model->length_scale);
    return weights;
}

model::TransformerPolynomials export_polynomials(const Transformer& model) {
    std::vector<model::Polynomial> all;
    for (const Site& site : model->sites) {
        require(site.polynomial.has_value(), "{} has no polynomial yet: convert the model first", site.name);
        all.push_back(*site.polynomial);
    }
    model::TransformerPolynomials polynomials;
    for (std::size_t i = 0; i + 4 < all.size(); i += 4) {
        polynomials.layers.push_back({.attention_norm = all[i],
                                      .attention = all[i + 1],
                                      .feed_forward_norm = all[i + 2],
                                      .feed_forward = all[i + 3]});
    }
    polynomials.final_norm = all.back();
    return polynomials;
}

}  // namespace polyformer::train
