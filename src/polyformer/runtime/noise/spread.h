// How values of a ciphertext are spread, where nothing is known but how they came about.
#pragma once

#include <cmath>
#include <complex>
#include <span>
#include <vector>

#include "polyformer/compile/plan/steps.h"

namespace polyformer::runtime {

/// Deviation, at most, of values stored over their bound, which is the greatest of all.
inline constexpr double kTypicalSize = 0.25;

/// What is known of a ciphertext without its slots. All of it is of the slots that hold something, which the others,
/// where nothing or garbage lies, must not dilute: a polynomial's noise depends on where its inputs are.
struct NoiseValue {
    int level = 0;
    double noise = 0;      ///< standard deviation of what deviates
    double imaginary = 0;  ///< that of the imaginary part of what is real (noise.h)
    double mean = 0;       ///< of the values, guessed; as everything stored they are at most 1
    double deviation = 0;  ///< of the values
    double share = 1;      ///< of the slots that hold something
    bool split = false;    ///< one half of these slots is real, the other imaginary: weights of attention
    bool half = false;     ///< it is one of these halves

    bool squared = false;  ///< sums of squares: variances
    /// Of an inverse: what was estimated of its input over what such an inverse is made for. What it multiplies is of
    /// the same origin, and was estimated wrong by the same factor; its noise too, if that comes with its size.
    double scale = 1;
    bool scales_noise = false;

    double size() const;  ///< root mean square
};

/// Mean and deviation of numbers that are not zero, and the share of these.
struct Spread {
    double mean = 0;
    double deviation = 0;
    double share = 0;
};

Spread spread_of(std::span<const double> values);
/// Of magnitudes.
Spread spread_of(std::span<const std::complex<double>> values);
Spread spread_of_value(const NoiseValue& value);

/// Of a product of independent factors.
Spread product(const Spread& a, const Spread& b);

void set_spread(NoiseValue& value, const Spread& spread);
/// Of what is stored over its bound. A mean beyond it is kept: it tells by how much values were guessed too large.
void set_bounded(NoiseValue& value, const Spread& spread);

/// p and p' at u.
struct Tangent {
    double value = 0;
    double slope = 0;
};

Tangent tangent_at(std::span<const double> coefficients, double u);

/// Of p(u) for normally distributed u that stay within [−1, 1], and by what noise of u grows.
struct PolynomialSpread {
    Spread values;
    double gain = 0;
};

PolynomialSpread polynomial_spread(std::span<const double> coefficients, const NoiseValue& input);

/// What an inverse makes of inputs that lie evenly in ratio: an interval's ends are the extremes that occur, and the
/// typical input is their geometric mean.
struct InverseSpread {
    Spread values;
    double gain = 0;   ///< of noise
    double scale = 1;  ///< the inverse of the input as estimated over that of the typical one
};

InverseSpread inverse_spread(const compile::PolynomialStep& step, const NoiseValue& input);

/// One part, real or imaginary, of a sum of rotated ciphertexts.
struct PartOfSum {
    double mean = 0;
    double variance = 0;
    double noise = 0;
    double shares = 0;
    double most = 0;  ///< of the shares
    bool halves = false;

    void add(double sign, const NoiseValue& term, double share_of_term, bool half);
    /// Slots that hold something: halves fill each other's gaps, all else lies at the same places.
    double share() const;
};

}  // namespace polyformer::runtime
