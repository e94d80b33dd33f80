// What training, range minimisation and substitution need of a network: its sites, and a map from inputs to logits.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "polyformer/trainer/sites/sites.h"

namespace polyformer::train {

struct Network : torch::nn::Module {
    /// Inputs of a batch → logits (..., classes or words). Into `site_inputs`, when given, goes what entered each site,
    /// in the order of `sites`.
    virtual torch::Tensor forward(const torch::Tensor& input, std::vector<torch::Tensor>* site_inputs = nullptr) = 0;

    /// What gradient descent lowers for a batch, besides penalties: the cross-entropy of its predictions, unless the
    /// network has another task.
    virtual torch::Tensor loss(const torch::Tensor& input, const torch::Tensor& target,
                               std::vector<torch::Tensor>* site_inputs);

    /// Number of layers that its sites belong to.
    virtual std::size_t depth() const = 0;
    /// Why the network has no polynomial form, or an empty text when it has one.
    virtual std::string obstacle() const = 0;
    /// What range minimisation adds to the penalty on variances, apart from what a batch shows.
    virtual torch::Tensor weights_penalty() const { return torch::zeros({}); }

    torch::Device device() const { return parameters().front().device(); }

    double dropout = 0;       ///< of the embeddings and of what each block adds, while training
    bool polynomials = true;  ///< false: the exact functions, though sites have polynomials
    bool clamped = false;     ///< true: polynomials are read within their intervals, as they always are while training
    std::vector<Site> sites;
};

/// Sets a switch of a network (`polynomials`, `clamped`) for as long as it lives, then restores it.
class ScopedSwitch {
  public:
    ScopedSwitch(bool& which, bool value) : which_(which), before_(which) { which = value; }
    ~ScopedSwitch() { which_ = before_; }
    ScopedSwitch(const ScopedSwitch&) = delete;
    ScopedSwitch& operator=(const ScopedSwitch&) = delete;
    ScopedSwitch(ScopedSwitch&&) = delete;
    ScopedSwitch& operator=(ScopedSwitch&&) = delete;

  private:
    bool& which_;
    bool before_;
};

/// Whether any site has a polynomial.
bool substituted(const Network& network);

/// Mean cross-entropy in nats: logits (..., C); targets (...) of indices, or (..., C) of probabilities.
torch::Tensor cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets,
                            torch::nn::CrossEntropyLossOptions::reduction_t reduction = torch::kMean);

}  // namespace polyformer::train
