// How far values reach in texts that nobody has seen: from the extremes of texts that were.
//
// Peaks over a threshold (Pickands, Balkema and de Haan): whatever the distribution of a text's largest value, what it
// exceeds a high threshold by is nearly a generalised Pareto distribution, P(Y > y) = (1 + ξ·y/σ)^(−1/ξ). Scale and
// shape are probability-weighted moments (Hosking and Wallis 1987) of the largest tenth of the texts. With some hundred
// of them the shape is little more than a guess, so it is drawn towards 0, the exponential tail, and kept within
// bounds; the scale is taken one of its standard errors up. That is cautious where there is little text, and needs no
// tuning.
#pragma once

#include <cstddef>
#include <span>

namespace polyformer::substitution {

/// The upper tail of the largest value of a text.
struct Tail {
    double threshold = 0;
    double share = 1;    ///< of the texts that exceed the threshold
    double scale = 0;    ///< σ; 0: all texts have the same extreme
    double shape = 0;    ///< ξ
    double largest = 0;  ///< that was seen

    /// The value that a text exceeds with this probability, never below the largest seen.
    double quantile(double probability) const;
    /// The probability that a text exceeds `value`; at most 1.
    double exceedance(double value) const;
};

/// A tail is taken to be no heavier than this shape. Of logarithms, 0: what is exponential there is a power law.
inline constexpr double kHeaviestShape = 0.2;

/// From the largest values of texts, at least one. Negate for a lower tail. Throws Error when there is none or one is
/// not finite.
Tail estimate_tail(std::span<const double> extremes, double heaviest_shape = kHeaviestShape);

}  // namespace polyformer::substitution
