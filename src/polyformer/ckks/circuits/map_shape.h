// Which diagonals a map has, whatever they hold: all that its cost depends on. And how they pair up on complex slots.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/ckks/circuits/periodic_transform.h"
#include "polyformer/ckks/scheme/key_request.h"

namespace polyformer::ckks {

/// The offsets of a map's diagonals.
struct MapShape {
    explicit MapShape(const PeriodicDiagonals& map);
    std::size_t period = 0;
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    long stride = 1;
    std::size_t diagonals = 0;
    std::vector<long> offsets;                           ///< of all blocks, ascending
    std::vector<std::vector<std::vector<long>>> blocks;  ///< blocks[output][input], ascending
    bool alike = false;                                  ///< Pairing::both is possible, and there is a pair

    friend bool operator==(const MapShape&, const MapShape&) = default;
};

/// One diagonal: what it multiplies once slots are complex, and to which sum it adds.
struct MapTerm {
    std::size_t output = 0;     ///< of the complex map
    std::size_t input = 0;      ///< of the complex map
    long baby_step = 0;         ///< by which its input is rotated, in strides
    long giant_step = 0;        ///< by which its sum is rotated, in strides times the baby-step number
    bool imaginary = false;     ///< it is the imaginary part of the complex diagonal
    std::size_t of_output = 0;  ///< where it is among the map's own
    std::size_t of_input = 0;
    long offset = 0;
};

/// What apply_periodic() computes: a map whose diagonals are complex, of fewer ciphertexts.
struct PairedMap {
    /// Throws Error when the baby-step number is not positive, an offset is no multiple of the stride, or the map does
    /// not allow the pairing.
    PairedMap(const MapShape& shape, Pairing pairing, long baby, KeySaving saving = {});

    /// Rotations that it takes at `level` and below, and the conjugation.
    KeyRequest key_request(const Parameters& parameters, int level) const;
    /// The conjugations that part results.
    std::size_t conjugations() const;

    Pairing pairing = Pairing::none;
    long stride = 1;
    long baby = 1;
    KeySaving saving;
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    bool lone_input = false;   ///< the last one is paired with its rotation by half the baby steps
    bool lone_output = false;  ///< the last one's odd giant steps are its imaginary part
    bool lone_both = false;    ///< the last input and output are real
    std::vector<MapTerm> terms;
    std::vector<long> baby_steps;   ///< of the terms, ascending
    std::vector<long> giant_steps;  ///< of the terms, ascending
};

}  // namespace polyformer::ckks
