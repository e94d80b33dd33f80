#include "polyformer/trainer/network/vision.h"

#include "polyformer/support/error.h"
#include "polyformer/trainer/network/initialisation.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

WindowShape window_shape(const VisionArchitecture& model, std::size_t stage, std::size_t layer) {
    const auto rows = static_cast<std::int64_t>(model.rows(stage));
    const auto columns = static_cast<std::int64_t>(model.columns(stage));
    const auto window = static_cast<std::int64_t>(model.stages[stage].window);
    if (window == 0) return {rows, columns, rows, columns, 0};
    const bool whole = window == rows && window == columns;  // nothing to connect by shifting
    return {rows, columns, window, window, layer % 2 == 1 && !whole ? window / 2 : 0};
}

// (B, h, w, C) → (B·windows, W, C), windows row by row, and in each its patches row by row.
Tensor cut(const Tensor& x, const WindowShape& shape) {
    if (shape.windows() == 1) return x.flatten(1, 2);
    return x
        .view({x.size(0), shape.rows / shape.height, shape.height, shape.columns / shape.width, shape.width, x.size(3)})
        .permute({0, 1, 3, 2, 4, 5})
        .reshape({-1, shape.tokens(), x.size(3)});
}

Tensor joined(const Tensor& windows, const WindowShape& shape, std::int64_t batch) {
    const std::int64_t features = windows.size(2);
    if (shape.windows() == 1) return windows.view({batch, shape.rows, shape.columns, features});
    return windows
        .view({batch, shape.rows / shape.height, shape.columns / shape.width, shape.height, shape.width, features})
        .permute({0, 1, 3, 2, 4, 5})
        .reshape({batch, shape.rows, shape.columns, features});
}

// 1 where query and key of a window were neighbours before the shift took them around the border: (windows, W, W).
Tensor window_mask(const WindowShape& shape) {
    const auto regions = [&](std::int64_t length, std::int64_t window) {
        Tensor region = torch::zeros({length});
        if (shape.shift == 0) return region;
        region.slice(0, length - window, length - shape.shift).fill_(1);
        region.slice(0, length - shape.shift, length).fill_(2);
        return region;
    };
    const Tensor region = regions(shape.rows, shape.height).unsqueeze(1) * 3 + regions(shape.columns, shape.width);
    const Tensor tokens = cut(region.view({1, shape.rows, shape.columns, 1}), shape).squeeze(2);  // (windows, W)
    return (tokens.unsqueeze(1) == tokens.unsqueeze(2)).to(torch::kFloat32);
}

Tensor relative_places(const WindowShape& shape) {
    const Tensor places = torch::arange(shape.tokens());
    const Tensor row = torch::div(places, shape.width, "floor");
    const Tensor column = places.remainder(shape.width);
    const auto offset = [](const Tensor& x) { return x.unsqueeze(1) - x.unsqueeze(0); };
    return ((offset(row) + (shape.height - 1)) * (2 * shape.width - 1) + offset(column) + (shape.width - 1)).flatten();
}

std::shared_ptr<Norm> optional_norm(const std::string& name, std::int64_t width) {
    return name == "none" ? nullptr : make_norm(name, width);
}

// Norms take (B, T, C).
Tensor normalised(Norm& norm, const Tensor& x, SiteVisitor& site) {
    return norm.forward(x.flatten(1, 2), site).view_as(x);
}

}  // namespace

VisionLayerImpl::VisionLayerImpl(const VisionArchitecture& model, const VisionStage& stage, const WindowShape& windows)
    : shape(windows), heads(static_cast<std::int64_t>(stage.heads)) {
    const auto width = static_cast<std::int64_t>(stage.width);
    const auto feed_forward = static_cast<std::int64_t>(stage.feed_forward);
    const auto add_norm = [&](const char* name, const std::string& kind, std::int64_t features) {
        std::shared_ptr<Norm> norm = optional_norm(kind, features);
        if (norm) register_module(name, norm);
        return norm;
    };
    mask = register_buffer("mask", window_mask(shape));
    local_is_hidden = model.local == "hidden";
    if (model.local != "none") {
        const std::int64_t channels = local_is_hidden ? feed_forward : width;
        local = register_module(
            "local",
            torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, channels, 3).padding(1).groups(channels).bias(false)));
        if (!local_is_hidden) local_norm = add_norm("local_norm", model.norm, width);
    }
    attention_norm = add_norm("attention_norm", model.norm, width);
    query_key_value = register_module("query_key_value", torch::nn::Linear(width, 3 * width));
    attention = make_attention(Architecture{.width = stage.width,
                                            .heads = stage.heads,
                                            .context = static_cast<std::size_t>(shape.tokens()),
                                            .attention = model.attention});
    if (model.score_norm == "batch_norm") {
        score_norm = register_module("score_norm", torch::nn::BatchNorm2d(heads));
    }
    if (model.positions == "relative") {
        // σ may want scores around another value than 0; a softmax does not care.
        const double start = model.attention.form == "pointwise" ? model.attention.initial_score : 0;
        relative_positions =
            register_parameter("relative_positions",
                               torch::nn::init::normal_(
                                   torch::empty({(2 * shape.height - 1) * (2 * shape.width - 1), heads}), start, 0.02));
        relative_index = register_buffer("relative_index", relative_places(shape));
    }
    output = register_module("output", torch::nn::Linear(width, width));
    feed_forward_norm = add_norm("feed_forward_norm", model.norm, width);
    up = register_module("up", torch::nn::Linear(width, feed_forward));
    hidden_norm = add_norm("hidden_norm", model.hidden_norm, feed_forward);
    down = register_module("down", torch::nn::Linear(feed_forward, width));
    const double residual_gain = residual_stream_gain(model.layers());
    initialise(query_key_value, 1);
    if (model.attention.form == "pointwise" && model.positions != "relative") {
        initialise_scores(query_key_value, stage.heads, model.attention);
    }
    initialise(output, residual_gain);
    initialise(up, 1);
    initialise(down, residual_gain);
}

Tensor VisionLayerImpl::score_bias() const {
    if (!relative_positions.defined()) return {};
    return relative_positions.index_select(0, relative_index)
        .view({shape.tokens(), shape.tokens(), heads})
        .permute({2, 0, 1});
}

// (B·windows, W, C) → the same.
Tensor VisionLayerImpl::attend(const Tensor& x, SiteVisitor& site) {
    const std::int64_t rows = x.size(0);
    const std::int64_t width = x.size(2);
    const Tensor qkv = query_key_value->forward(x)
                           .view({rows, shape.tokens(), 3, heads, width / heads})
                           .permute({2, 0, 3, 1, 4});  // (3, B·windows, H, W, d_k)
    Tensor scores = torch::matmul(qkv[0] * attention->score_scale(), qkv[1].transpose(-2, -1));  // (B·windows, H, W, W)
    if (!score_norm.is_empty()) scores = score_norm->forward(scores);
    if (relative_positions.defined()) scores = scores + score_bias();
    // Windows that are not shifted are all alike, (W, W); else (B·windows, W, W).
    const Tensor seen = shape.shift == 0 ? mask[0] : mask.repeat({rows / shape.windows(), 1, 1});
    return torch::matmul(attention->weights(scores, seen, site), qkv[2]).transpose(1, 2).reshape(x.sizes());
}

Tensor VisionLayerImpl::forward(Tensor x, SiteVisitor& site, double dropout) {
    const auto thin = [&](const Tensor& y) { return dropout > 0 ? torch::dropout(y, dropout, true) : y; };
    const auto mixed = [&](const Tensor& y) {  // (B, h, w, C)
        return local->forward(y.permute({0, 3, 1, 2})).permute({0, 2, 3, 1}).contiguous();
    };
    if (local_norm) x = x + normalised(*local_norm, mixed(x), site);
    const std::int64_t batch = x.size(0);
    Tensor normal = normalised(*attention_norm, x, site);
    if (shape.shift > 0) normal = torch::roll(normal, {-shape.shift, -shape.shift}, {1, 2});
    Tensor attended = joined(output->forward(attend(cut(normal, shape), site)), shape, batch);
    if (shape.shift > 0) attended = torch::roll(attended, {shape.shift, shape.shift}, {1, 2});
    x = x + thin(attended);
    Tensor hidden = up->forward(normalised(*feed_forward_norm, x, site));  // (B, h, w, F)
    if (local_is_hidden) hidden = hidden + mixed(hidden);
    hidden = hidden.flatten(1, 2);  // (B, T, F)
    if (hidden_norm) hidden = hidden_norm->forward(hidden, site);
    return x + thin(down->forward(site.apply(hidden)).view(x.sizes()));
}

VisionNetworkImpl::VisionNetworkImpl(const VisionArchitecture& model) : architecture(model) {
    check(model);
    const auto first = static_cast<std::int64_t>(model.stages.front().width);
    const auto kernel = static_cast<std::int64_t>(model.kernel);
    const auto patch = static_cast<std::int64_t>(model.patch);
    patches = register_module(
        "patches",
        torch::nn::Conv2d(torch::nn::Conv2dOptions(3, first, kernel).stride(patch).padding((kernel - patch) / 2)));
    if (model.positions == "learned") {
        positions = register_parameter(
            "positions", torch::nn::init::normal_(torch::empty({static_cast<std::int64_t>(model.rows(0)),
                                                                static_cast<std::int64_t>(model.columns(0)), first}),
                                                  0, 0.02));
    }
    const auto add_norm_site = [&](const std::shared_ptr<Norm>& norm, const std::string& name) {
        if (norm && norm->has_site()) {
            sites.push_back({.name = name + ".inverse_sqrt", .kind = SiteKind::variance, .function = "inverse_sqrt"});
        }
    };
    std::int64_t width = first;
    for (std::size_t s = 0; s < model.stages.size(); ++s) {
        const VisionStage& stage = model.stages[s];
        if (s > 0) {
            merge_norms.push_back(register_module(fmt::format("merge_norm_{}", s), make_norm(model.norm, 4 * width)));
            add_norm_site(merge_norms.back(), fmt::format("stages.{}.merge_norm", s));
            merges.push_back(register_module(fmt::format("merge_{}", s),
                                             torch::nn::Linear(4 * width, static_cast<std::int64_t>(stage.width))));
            initialise(merges.back(), 1);
            width = static_cast<std::int64_t>(stage.width);
        }
        for (std::size_t l = 0; l < stage.layers; ++l) {
            const std::size_t number = layers.size();
            const std::string name = fmt::format("layers.{}", number);
            VisionLayer& layer = layers.emplace_back(
                register_module(fmt::format("layer_{}", number), VisionLayer(model, stage, window_shape(model, s, l))));
            add_norm_site(layer->local_norm, name + ".local_norm");
            add_norm_site(layer->attention_norm, name + ".attention_norm");
            sites.push_back({.name = name + ".attention.activation",
                             .kind = SiteKind::scores,
                             .function = layer->attention->function()});
            add_norm_site(layer->feed_forward_norm, name + ".feed_forward_norm");
            add_norm_site(layer->hidden_norm, name + ".hidden_norm");
            sites.push_back(
                {.name = name + ".feed_forward.activation", .kind = SiteKind::hidden, .function = model.activation});
        }
    }
    final_norm = register_module("final_norm", make_norm(model.norm, width));
    add_norm_site(final_norm, "final_norm");
    classes = register_module("classes", torch::nn::Linear(width, static_cast<std::int64_t>(model.classes)));
    torch::nn::init::zeros_(classes->weight);
    torch::nn::init::zeros_(classes->bias);
}

std::string VisionNetworkImpl::obstacle() const {
    return obstacle_to_substitution(architecture);
}

Tensor VisionNetworkImpl::forward(const Tensor& images, std::vector<Tensor>* site_inputs) {
    SiteVisitor site(sites, polynomials, is_training() || clamped, site_inputs);
    Tensor x = patches->forward(images).permute({0, 2, 3, 1}).contiguous();  // (B, h, w, C)
    if (positions.defined()) x = x + positions;
    std::size_t number = 0;
    for (std::size_t s = 0; s < architecture.stages.size(); ++s) {
        if (s > 0) {
            const std::int64_t rows = x.size(1) / 2;
            const std::int64_t columns = x.size(2) / 2;
            const Tensor merged = x.view({x.size(0), rows, 2, columns, 2, x.size(3)})
                                      .permute({0, 1, 3, 2, 4, 5})
                                      .reshape({x.size(0), rows, columns, 4 * x.size(3)});
            x = merges[s - 1]->forward(normalised(*merge_norms[s - 1], merged, site));
        }
        for (std::size_t l = 0; l < architecture.stages[s].layers; ++l) {
            x = layers[number++]->forward(x, site, is_training() ? dropout : 0);
        }
    }
    return classes->forward(normalised(*final_norm, x, site).flatten(1, 2).mean(1));  // (B, classes)
}

}  // namespace polyformer::train
