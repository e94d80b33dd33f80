// What stands for a ciphertext on the clear back end, and arithmetic on vectors of slots. Rotation is cyclic: slot i of
// rot_s(x) is slot i + s of x.
#pragma once

#include <complex>
#include <random>
#include <span>
#include <vector>

#include "polyformer/ckks/circuits/rotated_inner_product.h"

namespace polyformer::runtime {

/// What stands in for a ciphertext: its slots, and the level, scale and noise that a ciphertext would have.
struct ClearValue {
    std::vector<double> slots;      ///< real parts
    std::vector<double> imaginary;  ///< imaginary parts, or none where all are 0
    int level = 0;
    double scale = 1;
    double noise = 0;  ///< standard deviation of the noise in a slot, estimated
    /// That of the imaginary part's noise where values are real: maps of pairs turn it into noise of real parts.
    double imaginary_noise = 0;
};

/// result[i] += factor[i mod period] · source[i + step], cyclically; periods and lengths are powers of two.
void add_rotated(std::span<double> result, std::span<const double> factor, std::span<const double> source, long step);

std::vector<double> rotated(std::span<const double> source, long step);

/// sum += i^quarter_turns · rot_step(value); slots only, not level, scale and noise.
void add_turned(ClearValue& sum, const ClearValue& value, long step, int quarter_turns);

/// sum += Σ_r rot_{r·left_step}(left) ⊙ rot_{r·right_step + right_offset}(right); slots only.
void add_rotated_products(ClearValue& sum, const ClearValue& left, const ClearValue& right,
                          const ckks::RotatedInnerProduct& product);

/// Σ c_k T_k(u) with each T_k = 2·T_a·T_b − T_{a−b}, a = ⌈k/2⌉, rounded once as on ciphertexts: by noise of this
/// deviation.
std::vector<double> evaluate_series(std::span<const double> coefficients, const std::vector<double>& u, double rounding,
                                    std::mt19937_64& generator);

/// mask ⊙ value of a real value; the result is complex where the mask is. Nothing happens without a mask.
void apply_mask(std::span<const std::complex<double>> mask, ClearValue& value);

}  // namespace polyformer::runtime
