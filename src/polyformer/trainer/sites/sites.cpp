#include "polyformer/trainer/sites/sites.h"

#include "polyformer/support/error.h"
#include "polyformer/trainer/sites/polynomial_function.h"

namespace polyformer::train {

using torch::Tensor;

const char* name_of(SiteKind kind) {
    switch (kind) {
        case SiteKind::scores:
            return "scores";
        case SiteKind::hidden:
            return "hidden";
        case SiteKind::variance:
            return "variance";
    }
    return "";
}

Tensor apply_function(const std::string& name, const Tensor& x) {
    if (name == "gelu") return torch::gelu(x);
    if (name == "gelu_tanh") return torch::gelu(x, "tanh");
    if (name == "tanh") return torch::tanh(x);
    if (name == "relu") return torch::relu(x);
    if (name == "squared_relu") return torch::relu(x).square();
    if (name == "sigmoid") return torch::sigmoid(x);
    if (name == "silu") return torch::silu(x);
    if (name == "square") return x.square();
    if (name == "inverse_sqrt") return x.rsqrt();
    fail("'{}' is no function that a site applies by itself", name);
}

SiteVisitor::SiteVisitor(const std::vector<Site>& sites, bool polynomials, bool clamped, std::vector<Tensor>* inputs)
    : sites_(sites), polynomials_(polynomials), clamped_(clamped), inputs_(inputs) {
    if (inputs_ != nullptr) inputs_->clear();
}

const Site& SiteVisitor::next(const Tensor& x) {
    if (inputs_ != nullptr) inputs_->push_back(x);
    return sites_[next_++];
}

Tensor SiteVisitor::apply(const Tensor& x) {
    const Site& site = next(x);
    if (polynomials_ && site.polynomial) {
        const model::Polynomial& polynomial = *site.polynomial;
        const Tensor exact = x.to(torch::kFloat32);  // from mixed precision
        return evaluate_polynomial(polynomial, clamped_ ? exact.clamp(polynomial.lower, polynomial.upper) : exact);
    }
    return apply_function(site.function, x);
}

void SiteVisitor::observe(const Tensor& x) {
    next(x);
}

}  // namespace polyformer::train
