// Degrees chosen jointly: levels go where they lower the loss most, under a budget for each stretch of the network.
#pragma once

#include <cstddef>
#include <vector>

namespace polyformer::train {

/// What a site's polynomial of a certain depth does to the loss, the other sites keeping their exact functions.
struct DepthCost {
    std::size_t depth = 0;   ///< levels
    double loss_change = 0;  ///< nats per token; not finite where the polynomial broke the model
};

/// What a level must lower the loss by to be spent, nats per token: less than that is chance on the few batches that a
/// trial reads, and a level has its price under encryption.
inline constexpr double level_price = 1e-4;

/// Picks one entry for each site so that the depths add up to at most `budget` and the sum of the loss changes (those
/// below 0 count as 0) and of level_price for each level is smallest. Returns indices into each site's costs. Throws
/// Error when even the shallowest choices do not fit, naming their depth and the budget, or when a site has no finite
/// cost.
std::vector<std::size_t> choose_depths(const std::vector<std::vector<DepthCost>>& sites, std::size_t budget);

}  // namespace polyformer::train
