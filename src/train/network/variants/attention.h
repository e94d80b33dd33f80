// The registry of attention forms. A new form is a source beside this one, a line in registry.cpp and its name in
// architecture.h.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "train/architecture.h"
#include "train/network/sites.h"

namespace polyformer::train {

/// How scores become the weights of the values.
class AttentionForm {
  public:
    AttentionForm() = default;
    virtual ~AttentionForm() = default;
    AttentionForm(const AttentionForm&) = delete;
    AttentionForm& operator=(const AttentionForm&) = delete;
    AttentionForm(AttentionForm&&) = delete;
    AttentionForm& operator=(AttentionForm&&) = delete;

    /// What its site says: a function's name, or the form's own where it is no pointwise function.
    virtual std::string function() const = 0;
    /// scores (B, H, T, T) = score_scale() · QKᵀ, mask (T, T) of 0 and 1 → weights (B, H, T, T).
    virtual torch::Tensor weights(const torch::Tensor& scores, const torch::Tensor& mask, SiteVisitor& site) const = 0;
    /// The factor on QKᵀ: 1/√d_k, and what is placed before σ.
    virtual double score_scale() const = 0;
    /// 1/S(L) of the queries at positions 0 … length − 1, (length, 1): the factor after σ.
    virtual torch::Tensor length_scale(std::int64_t length, const torch::TensorOptions& options) const = 0;
};

/// The form that the architecture names. Throws Error for an unknown one.
std::unique_ptr<AttentionForm> make_attention(const Architecture& architecture);

/// One maker a source in this folder.
std::unique_ptr<AttentionForm> make_pointwise_attention(const Architecture& architecture);
std::unique_ptr<AttentionForm> make_softmax_attention(const Architecture& architecture);
std::unique_ptr<AttentionForm> make_power_attention(const Architecture& architecture);

}  // namespace polyformer::train
