// The registry of attention forms. A new form is a source beside this one, a line in registry.cpp and its name in
// architecture.h.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "polyformer/train/configuration/architecture.h"
#include "polyformer/trainer/sites/sites.h"

namespace polyformer::train {

/// How the scores of one layer become the weights of its values.
struct AttentionForm : torch::nn::Module {
    /// What its site says: a function's name, or the form's own where it is no pointwise function.
    virtual std::string function() const = 0;
    /// scores (B, H, T, T) = score_scale() · QKᵀ, mask (T, T) or (B, T, T) of 0 and 1 → weights (B, H, T, T).
    virtual torch::Tensor weights(const torch::Tensor& scores, const torch::Tensor& mask, SiteVisitor& site) = 0;
    /// The factor on QKᵀ: 1/√d_k, and what is placed before σ.
    virtual double score_scale() const = 0;
    /// What multiplies σ of the scores of query q and key k: (..., H, T, T), 0 where the mask (..., T, T) is. Throws
    /// Error for a form that is not pointwise.
    virtual torch::Tensor weighted_mask(const torch::Tensor& mask) const;
};

/// The form that the architecture names. Throws Error for an unknown one.
std::shared_ptr<AttentionForm> make_attention(const Architecture& architecture);

/// One maker a source in this folder.
std::shared_ptr<AttentionForm> make_pointwise_attention(const Architecture& architecture);
std::shared_ptr<AttentionForm> make_softmax_attention(const Architecture& architecture);
std::shared_ptr<AttentionForm> make_power_attention(const Architecture& architecture);

}  // namespace polyformer::train
