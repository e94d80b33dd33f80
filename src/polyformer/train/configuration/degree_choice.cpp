#include "polyformer/train/configuration/degree_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "polyformer/support/error.h"

namespace polyformer::train {

std::vector<std::size_t> choose_depths(const std::vector<std::vector<DepthCost>>& sites, std::size_t budget) {
    constexpr double unreachable = std::numeric_limits<double>::infinity();
    std::size_t shallowest = 0;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        std::size_t least = std::numeric_limits<std::size_t>::max();
        for (const DepthCost& cost : sites[i]) {
            if (std::isfinite(cost.loss_change)) least = std::min(least, cost.depth);
        }
        require(least != std::numeric_limits<std::size_t>::max(),
                "no polynomial of any depth tried keeps the loss finite at site {} of this stretch: shrink its range "
                "first, or widen the margin",
                i);
        shallowest += least;
    }
    require(shallowest <= budget,
            "the polynomials of a stretch take {} levels at least, but its budget is {}: raise the budget", shallowest,
            budget);

    // best[d]: the lowest sum over the sites so far with depths that add up to d; chosen[i][d]: what site i took for
    // it.
    std::vector<double> best(budget + 1, unreachable);
    best[0] = 0;
    std::vector<std::vector<std::size_t>> chosen;
    for (const std::vector<DepthCost>& costs : sites) {
        std::vector<double> next(budget + 1, unreachable);
        std::vector<std::size_t>& choice = chosen.emplace_back(budget + 1, 0);
        for (std::size_t i = 0; i < costs.size(); ++i) {
            if (!std::isfinite(costs[i].loss_change)) continue;
            const double price =
                std::max(0.0, costs[i].loss_change) + level_price * static_cast<double>(costs[i].depth);
            for (std::size_t total = costs[i].depth; total <= budget; ++total) {
                const double sum = best[total - costs[i].depth] + price;
                if (sum < next[total]) {
                    next[total] = sum;
                    choice[total] = i;
                }
            }
        }
        best = std::move(next);
    }
    auto total = static_cast<std::size_t>(std::min_element(best.begin(), best.end()) - best.begin());
    std::vector<std::size_t> picks(sites.size());
    for (std::size_t i = sites.size(); i-- > 0;) {
        picks[i] = chosen[i][total];
        total -= sites[i][picks[i]].depth;
    }
    return picks;
}

}  // namespace polyformer::train
