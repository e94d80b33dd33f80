// Maps between several ciphertexts by diagonals of a short period: a weight matrix over token-major packing
// (docs/packing.md). Limb by limb it is a dense modular matrix product.
//
//     // y = 2·x + (x rotated by one slot), for every slot.
//     const PeriodicDiagonals map{.period = 1, .inputs = 1, .outputs = 1, .stride = 1, .baby = 2,
//                                 .blocks = {{DiagonalBlock{{0, {2.0}}, {1, {1.0}}}}}};
//     // … an evaluator with the keys of map.key_request(parameters, x.level)
//     const Ciphertext y = apply_periodic(evaluator, map, std::span(&x, 1)).front();
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/ckks/circuits/diagonal_block.h"
#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/scheme/key_request.h"

namespace polyformer::ckks {

/// How a map of real values uses the imaginary halves of its slots (docs/packing.md): half the products, and half the
/// giant or the baby steps, for a conjugation of each result. All but `none` demand inputs without an imaginary part.
enum class Pairing {
    none,
    /// Two outputs are the real and the imaginary part of one sum. Of a last one alone, even giant steps are the real
    /// part and odd ones the imaginary.
    outputs,
    /// Two inputs are the real and the imaginary part of one; a last one alone is paired with its rotation by half the
    /// baby-step number.
    inputs,
    /// Both, where each input has one output and two neighbours the same diagonals.
    both,
};

/// A map from `inputs` to `outputs` ciphertexts whose diagonals repeat with period F: a weight matrix over token-major
/// packing (docs/packing.md). Plaintexts are subring words, multiplied as broadcast scalars.
struct PeriodicDiagonals {
    std::size_t period = 0;  ///< F, a power of two up to the slots
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    long stride = 1;  ///< divides every offset
    int baby = 1;     ///< baby-step number: offset = stride·(a + baby·b), 0 ≤ a < baby
    KeySaving saving{};
    Pairing pairing = Pairing::none;
    std::vector<std::vector<DiagonalBlock>> blocks;  ///< blocks[output][input], of F values each

    /// Rotations that apply_periodic() will use at `level`, and the conjugation.
    KeyRequest key_request(const Parameters& parameters, int level) const;
};

/// Sums of so many outputs and giant steps lie in memory together: the rotated inputs are read once for all of them,
/// and a giant step's key once for all outputs.
inline constexpr std::size_t kMapOutputsAtATime = 4;
inline constexpr std::size_t kMapGiantsAtATime = 8;

/// Inputs at one level and canonical scale; outputs one level down at canonical scale. Throws Error when shapes,
/// periods, levels or the pairing do not fit, or when a key is missing.
std::vector<Ciphertext> apply_periodic(const Evaluator& evaluator, const PeriodicDiagonals& map,
                                       std::span<const Ciphertext> inputs);

}  // namespace polyformer::ckks
