// The registry of normalisations. A new one is a source beside this one, a line in registry.cpp and its name in
// architecture.h.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>

#include "polyformer/trainer/sites/sites.h"

namespace polyformer::train {

/// Normalises over features and applies an affine map, `weight` and `bias` of `width` entries each.
struct Norm : torch::nn::Module {
    explicit Norm(std::int64_t width)
        : weight(register_parameter("weight", torch::ones({width}))),
          bias(register_parameter("bias", torch::zeros({width}))) {}

    /// x (B, T, C) → (B, T, C).
    virtual torch::Tensor forward(const torch::Tensor& x, SiteVisitor& site) = 0;
    /// Whether 1/√variance is computed for each token: a site of kind variance.
    virtual bool has_site() const = 0;
    /// The affine map that is left once the norm's own part, 1/√variance where it has a site, is taken out.
    virtual torch::Tensor scale() const { return weight; }
    virtual torch::Tensor shift() const { return bias; }

    torch::Tensor weight;
    torch::Tensor bias;
};

/// The norm of that name. Throws Error for an unknown one.
std::shared_ptr<Norm> make_norm(const std::string& name, std::int64_t width);

/// One maker a source in this folder.
std::shared_ptr<Norm> make_layer_norm(std::int64_t width);
std::shared_ptr<Norm> make_rms_norm(std::int64_t width);
std::shared_ptr<Norm> make_batch_norm(std::int64_t width);

}  // namespace polyformer::train
