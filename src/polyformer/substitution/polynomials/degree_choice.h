// Degrees of all polynomials chosen together: the cheapest that keep the output.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace polyformer::substitution {

/// One way to replace a site's function.
struct DegreeOption {
    std::size_t degree = 0;
    double loss = 0;   ///< of the output when this site alone is replaced; may be infinite
    double price = 0;  ///< under encryption, in any unit that all sites share
};

/// Picks one option for each site so that the losses add up to at most `budget` and the prices to as little as a
/// Lagrangian multiplier finds; where even the best do not fit, the best. Returns indices into each site's options.
std::vector<std::size_t> choose_degrees(std::span<const std::vector<DegreeOption>> sites, double budget);

}  // namespace polyformer::substitution
