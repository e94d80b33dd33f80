#include "train/ranges.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace polyformer::train {

using torch::Tensor;

Tensor range_penalty(const std::vector<Site>& sites, const std::vector<Tensor>& inputs) {
    Tensor total = torch::zeros({});
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const Site& site = sites[i];
        Tensor excess;
        if (site.kind == SiteKind::variance) {
            const Tensor x = inputs[i].log();
            excess = x - x.clamp(std::log(site.lower), std::log(site.upper));
        } else {
            excess = inputs[i] - inputs[i].clamp(site.lower, site.upper);
        }
        // Scores are (B, H, T, T): B·T tokens. All else is (B, T, C).
        const std::int64_t tokens = excess.size(0) * excess.size(site.kind == SiteKind::scores ? 2 : 1);
        total = total + excess.square().sum() / static_cast<double>(tokens);
    }
    return total;
}

Tensor variance_penalty(const std::vector<Site>& sites, const std::vector<Tensor>& inputs) {
    Tensor total = torch::zeros({});
    double norms = 0;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        if (sites[i].kind != SiteKind::variance) continue;
        total = total + inputs[i].log().var();
        ++norms;
    }
    return total / norms;
}

void RangeTable::add(const std::vector<Site>& sites, const std::vector<Tensor>& inputs) {
    const bool first = rows_.empty();
    rows_.resize(sites.size());
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const Tensor x = inputs[i].detach();
        SeenRange& row = rows_[i];
        const auto smallest = x.min().item<double>();
        const auto largest = x.max().item<double>();
        row.smallest = first ? smallest : std::min(row.smallest, smallest);
        row.largest = first ? largest : std::max(row.largest, largest);
        const auto count = static_cast<double>(x.numel());
        if (sites[i].kind == SiteKind::variance) {
            row.mean_log += (x.log().mean().item<double>() - row.mean_log) * count / (row.values + count);
        }
        row.values += count;
        row.outside += x.lt(sites[i].lower).logical_or_(x.gt(sites[i].upper)).sum().item<double>();
    }
}

std::string RangeTable::text(const std::vector<Site>& sites) const {
    std::string table = fmt::format("  {:<42} {:>21} {:>21} {:>11}\n", "site", "wanted", "seen", "outside");
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        table +=
            fmt::format("  {:<42} {:>9.4g} .. {:>8.4g} {:>9.4g} .. {:>8.4g} {:>10.2e}\n", sites[i].name, sites[i].lower,
                        sites[i].upper, rows_[i].smallest, rows_[i].largest, rows_[i].outside / rows_[i].values);
    }
    return table;
}

}  // namespace polyformer::train
