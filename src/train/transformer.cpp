#include "train/transformer.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include "support/error.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

std::int64_t signed_size(std::size_t size) {
    return static_cast<std::int64_t>(size);
}

// Chebyshev coefficients of dp/dx over the same interval: d_{k−1} = d_{k+1} + 2k·c_k, d_0 halved.
std::vector<double> derivative(const model::Polynomial& polynomial) {
    const std::vector<double>& c = polynomial.coefficients;
    std::vector<double> d(c.size() + 1, 0.0);
    for (std::size_t k = c.size(); k-- > 1;) d[k - 1] = d[k + 1] + 2.0 * static_cast<double>(k) * c[k];
    d[0] /= 2;
    for (double& value : d) value *= 2 / (polynomial.upper - polynomial.lower);
    return d;
}

Tensor clenshaw(const std::vector<double>& coefficients, const Tensor& u) {
    Tensor next = torch::zeros_like(u);
    Tensor after = torch::zeros_like(u);
    for (std::size_t k = coefficients.size(); k-- > 1;) {
        Tensor current = torch::addcmul(after.neg_().add_(coefficients[k]), u, next, 2);
        after = std::exchange(next, std::move(current));
    }
    return torch::addcmul(after.neg_().add_(coefficients.empty() ? 0.0 : coefficients[0]), u, next);
}

// Keeps only x for the backward pass, where the graph of a recurrence would keep every step.
struct PolynomialFunction : torch::autograd::Function<PolynomialFunction> {
    static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, double lower, double upper,
                          std::vector<double> coefficients) {
        const Tensor u = x.mul(2 / (upper - lower)).sub_((upper + lower) / (upper - lower));
        context->save_for_backward({u});
        const model::Polynomial polynomial{lower, upper, std::move(coefficients)};
        context->saved_data["derivative"] = derivative(polynomial);
        return clenshaw(polynomial.coefficients, u);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const Tensor u = context->get_saved_variables()[0];
        return {gradients[0] * clenshaw(context->saved_data["derivative"].toDoubleVector(), u), Tensor(), Tensor(),
                Tensor()};
    }
};

// Records what enters the sites as the forward pass reaches them, in order.
class SiteVisitor {
  public:
    SiteVisitor(const std::vector<Site>& sites, std::vector<Tensor>* inputs) : sites_(sites), inputs_(inputs) {
        if (inputs_ != nullptr) inputs_->clear();
    }
    Tensor apply(const Tensor& x) {
        const Site& site = sites_[next_++];
        if (inputs_ != nullptr) inputs_->push_back(x);
        if (site.polynomial) return evaluate_polynomial(*site.polynomial, x);
        return site.kind == SiteKind::variance ? x.rsqrt() : torch::gelu(x);
    }

  private:
    const std::vector<Site>& sites_;
    std::vector<Tensor>* inputs_;
    std::size_t next_ = 0;
};

// x (B, T, C) → (B, T, C).
Tensor normalise(const torch::nn::LayerNorm& norm, const Tensor& x, SiteVisitor& sites) {
    const Tensor centred = x - x.mean(-1, true);
    const Tensor variance = centred.square().mean(-1, true);  // (B, T, 1)
    return torch::addcmul(norm->bias, centred * sites.apply(variance), norm->weight);
}

void initialise(const torch::nn::Linear& linear, double gain) {
    torch::nn::init::normal_(linear->weight, 0, gain / std::sqrt(static_cast<double>(linear->options.in_features())));
    torch::nn::init::zeros_(linear->bias);
}

}  // namespace

Tensor evaluate_polynomial(const model::Polynomial& polynomial, const Tensor& x) {
    return PolynomialFunction::apply(x, polynomial.lower, polynomial.upper, polynomial.coefficients);
}

LayerImpl::LayerImpl(const Architecture& architecture) {
    const std::int64_t width = signed_size(architecture.width);
    const std::int64_t feed_forward = signed_size(architecture.feed_forward);
    attention_norm = register_module("attention_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
    query_key_value = register_module("query_key_value", torch::nn::Linear(width, 3 * width));
    output = register_module("output", torch::nn::Linear(width, width));
    feed_forward_norm =
        register_module("feed_forward_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
    up = register_module("up", torch::nn::Linear(width, feed_forward));
    down = register_module("down", torch::nn::Linear(feed_forward, width));
    // Later layers add less, so that the residual stream starts with a variance that does not grow with depth.
    const double residual_gain = 1 / std::sqrt(2.0 * static_cast<double>(architecture.layers));
    initialise(query_key_value, 1);
    initialise(output, residual_gain);
    initialise(up, 1);
    initialise(down, residual_gain);
}

TransformerImpl::TransformerImpl(const Architecture& shape) : architecture(shape) {
    const std::int64_t width = signed_size(shape.width);
    const std::int64_t context = signed_size(shape.context);
    tokens = register_module("tokens", torch::nn::Embedding(signed_size(shape.vocabulary), width));
    positions = register_module("positions", torch::nn::Embedding(context, width));
    torch::nn::init::normal_(tokens->weight, 0, 0.1);
    torch::nn::init::normal_(positions->weight, 0, 0.02);
    const auto add_site = [&](const std::string& name, SiteKind kind) {
        sites.emplace_back().name = name;
        sites.back().kind = kind;
    };
    for (std::size_t i = 0; i < shape.layers; ++i) {
        const std::string name = fmt::format("layers.{}", i);
        layers.push_back(register_module(fmt::format("layer_{}", i), Layer(shape)));
        add_site(name + ".attention_norm.inverse_sqrt", SiteKind::variance);
        add_site(name + ".attention.activation", SiteKind::scores);
        add_site(name + ".feed_forward_norm.inverse_sqrt", SiteKind::variance);
        add_site(name + ".feed_forward.activation", SiteKind::hidden);
    }
    final_norm = register_module("final_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
    add_site("final_norm.inverse_sqrt", SiteKind::variance);

    mask = register_buffer("mask", torch::ones({context, context}).tril());
    length_scale =
        register_buffer("length_scale", shape.length_scale == LengthScale::context_root
                                            ? torch::full({context, 1}, 1 / std::sqrt(static_cast<double>(context)))
                                            : torch::arange(1, context + 1, torch::kFloat32).rsqrt().unsqueeze(1));
}

Tensor TransformerImpl::forward(const Tensor& ids, std::vector<Tensor>* site_inputs) {
    const std::int64_t batch = ids.size(0);
    const std::int64_t length = ids.size(1);
    const std::int64_t width = signed_size(architecture.width);
    const std::int64_t heads = signed_size(architecture.heads);
    require(length <= signed_size(architecture.context), "{} tokens are more than the context of {}", length,
            architecture.context);
    const bool drop = is_training() && dropout > 0;
    const auto thin = [&](const Tensor& x) { return drop ? torch::dropout(x, dropout, true) : x; };
    // (T, T): causal mask times 1/S(L), applied after σ since no polynomial makes −∞ vanish.
    const Tensor mask_and_scale = (mask * length_scale).slice(0, 0, length).slice(1, 0, length);
    const double score_scale = 1 / std::sqrt(static_cast<double>(width / heads));

    SiteVisitor site(sites, site_inputs);
    Tensor x = thin(tokens->forward(ids) + positions->weight.slice(0, 0, length));  // (B, T, C)
    for (Layer& layer : layers) {
        const Tensor qkv = layer->query_key_value->forward(normalise(layer->attention_norm, x, site))
                               .view({batch, length, 3, heads, width / heads})
                               .permute({2, 0, 3, 1, 4});                                     // (3, B, H, T, d_k)
        const Tensor scores = torch::matmul(qkv[0] * score_scale, qkv[1].transpose(-2, -1));  // (B, H, T, T)
        const Tensor attended = torch::matmul(site.apply(scores) * mask_and_scale, qkv[2]);   // (B, H, T, d_k)
        x = x + thin(layer->output->forward(attended.transpose(1, 2).reshape({batch, length, width})));
        const Tensor hidden = layer->up->forward(normalise(layer->feed_forward_norm, x, site));  // (B, T, F)
        x = x + thin(layer->down->forward(site.apply(hidden)));
    }
    return torch::matmul(normalise(final_norm, x, site), tokens->weight.t());  // (B, T, V)
}

}  // namespace polyformer::train
