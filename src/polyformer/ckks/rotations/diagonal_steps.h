// The rotations of a map by diagonals whose rotated inputs and sums stay over Q·P (linear_transform.h): known from the
// offsets alone, before there are values.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/scheme/key_request.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Of the keys of giant steps, where baby steps take those of `role`.
KeyRole giant_role(KeyRole role);

/// Of such a map, giant steps by Horner's rule cost no more than others: each takes a division, a decomposition and a
/// product with a key either way.
class DiagonalSteps {
  public:
    /// With `leaves_turn`, Horner's rule ends at the lowest giant step: what the map gives is what comes out rotated by
    /// turn(). Throws Error unless all offsets are multiples of `stride`, and for baby-step numbers that are none.
    DiagonalSteps(std::span<const long> offsets, long stride, long baby, std::size_t slots, KeySaving saving = {},
                  bool leaves_turn = false);

    long stride() const { return stride_; }
    long baby() const { return baby_; }
    const KeySaving& saving() const { return saving_; }
    const std::vector<long>& baby_steps() const { return baby_steps_; }    ///< ascending
    const std::vector<long>& giant_steps() const { return giant_steps_; }  ///< ascending
    /// By which slots a giant step rotates, in [0, slots).
    long giant_rotation(long giant_step) const;
    /// Horner's rule: each giant step's sum is rotated to the one below, the lowest to where it belongs or not.
    GiantChain chain() const { return {giant_steps_, giant_steps_.front()}; }
    bool leaves_turn() const { return leaves_turn_; }
    /// In [0, slots).
    long turn() const;

    /// `role`: of the baby steps' keys; giant steps take low rotations where baby steps do.
    KeyRequest key_request(const Parameters& parameters, int level, KeyRole role = KeyRole::rotation) const;
    /// Products with a key: babies and intermediates of theirs, giants.
    BabyWork baby_rotations() const { return baby_work(baby_steps_, saving_.inner); }
    double giant_rotations() const;

  private:
    long stride_;
    long baby_;
    std::size_t slots_;
    KeySaving saving_;
    bool leaves_turn_;
    std::vector<long> baby_steps_;
    std::vector<long> giant_steps_;
};

}  // namespace polyformer::ckks
