#include "train/descent/penalties.h"

#include <cmath>
#include <cstdint>

namespace polyformer::train {

using torch::Tensor;

Tensor range_penalty(const std::vector<Site>& sites, const std::vector<Tensor>& inputs) {
    Tensor total = torch::zeros({});
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const Site& site = sites[i];
        if (site.kind == SiteKind::variance) continue;
        const Tensor excess = inputs[i] - inputs[i].clamp(site.lower, site.upper);
        // Scores are (B, H, T, T): B·T tokens. All else is (B, T, C).
        const std::int64_t tokens = excess.size(0) * excess.size(site.kind == SiteKind::scores ? 2 : 1);
        total = total + excess.square().sum() / static_cast<double>(tokens);
    }
    return total;
}

Tensor variance_penalty(const std::vector<Site>& sites, const std::vector<Tensor>& inputs) {
    Tensor spread = torch::zeros({});
    Tensor outside = torch::zeros({});
    double norms = 0;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const Site& site = sites[i];
        if (site.kind != SiteKind::variance) continue;
        const Tensor x = inputs[i].log();
        spread = spread + x.var();
        outside = outside + (x - x.clamp(std::log(site.lower), std::log(site.upper))).square().mean();
        ++norms;
    }
    return norms > 0 ? spread / norms + outside : spread;
}

}  // namespace polyformer::train
