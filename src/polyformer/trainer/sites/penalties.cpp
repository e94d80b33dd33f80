#include "polyformer/trainer/sites/penalties.h"

#include <cmath>
#include <cstdint>

#include "polyformer/trainer/sites/squared_excess.h"

namespace polyformer::train {

using torch::Tensor;

namespace {

Tensor outside_in_logarithms(const Tensor& variances, const Site& site) {
    const Tensor x = variances.log();
    return (x - x.clamp(std::log(site.lower), std::log(site.upper))).square().mean();
}

}  // namespace

Tensor range_penalty(const std::vector<Site>& sites, const std::vector<Tensor>& inputs) {
    Tensor total = torch::zeros({});
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const Site& site = sites[i];
        if (site.kind == SiteKind::variance) continue;
        // Scores are (B, H, T, T): B·T tokens. All else is (B, T, C).
        const std::int64_t tokens = inputs[i].size(0) * inputs[i].size(site.kind == SiteKind::scores ? 2 : 1);
        total = total + squared_excess(inputs[i], site.lower, site.upper) / static_cast<double>(tokens);
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
        spread = spread + inputs[i].log().var();
        outside = outside + outside_in_logarithms(inputs[i], site);
        ++norms;
    }
    return norms > 0 ? spread / norms + outside : spread;
}

Tensor embedding_penalty(const Site& first_norm, const Tensor& tokens, const Tensor& positions, bool centred) {
    Tensor rows = tokens + positions.mean(0, true);
    if (centred) rows = rows - rows.mean(1, true);
    return outside_in_logarithms(rows.square().mean(1), first_norm);
}

}  // namespace polyformer::train
