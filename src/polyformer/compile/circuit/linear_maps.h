// Linear maps between layouts as diagonals, with as few offsets as the layouts allow.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/layout/packing.h"

namespace polyformer::compile {

/// How a value lies in its ciphertexts: stored = factor · value + shift.
struct Storage {
    Layout layout;
    double factor = 1;
    double shift = 0;
    bool equal_rows = false;      ///< every token's row is the same, so positions wrap around
    bool zero_elsewhere = false;  ///< positions that hold nothing are 0
};

/// value ↦ value · weight + bias, features `inputs` → `outputs`, for each image alike.
struct FeatureMap {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::function<double(std::size_t input, std::size_t output)> weight;
    std::function<double(std::size_t output)> bias;
};

/// The map that changes a layout and nothing else.
FeatureMap identity_map(std::size_t features);

/// What a map's gate is made for: to be run, or only to be priced. Then its diagonals are empty: their offsets are
/// there, which take little memory, and their values are not.
enum class Diagonals { with_values, offsets_only };

/// The map from stored to stored values. The period is F where all images lie alike, else the length of the target's
/// positions: a row or, from equal rows, all slots. A position that can be read in several ways takes the least offset
/// upwards, else the nearest below: both replicated layouts and heads then need offsets in (−p, p) only, p the input's
/// period.
MapGate diagonals_of(const FeatureMap& map, const Storage& source, const Storage& target,
                     Diagonals diagonals = Diagonals::with_values);

/// y[t, f] = factor · x[t − shift[f], f] at positions of `layout`, where all images lie alike, that hold something;
/// zero elsewhere.
MapGate skew(const Packing& packing, const Layout& layout, const std::vector<std::size_t>& shift, double factor);

/// A layout in which each image's first `distance` positions stand `count` times, nothing behind them: to be filled by
/// a sum over slots.
struct Repetition {
    std::size_t count = 1;
    std::size_t distance = 0;
};
/// The repetition of most copies; count is a power of two, 1 for a layout that does not repeat.
Repetition repetition_of(const Layout& layout);
/// 1 where a layout holds something, 0 elsewhere; one mask a ciphertext.
std::vector<std::vector<double>> layout_masks(const Layout& layout);
/// The first `distance` positions of each image, nothing behind them.
Layout first_positions(Layout layout, std::size_t distance);

/// From sums over p slots, p the period of `features` features or F, to their mean at every position. Positions whose
/// sum would have run into the next token's are left out: those behind F − p are filled from p below, which needs F ≥
/// 2p; with p = F only position 0 is filled. 0 < factor, shift: of the result.
MapGate mean_of_sums(const Packing& packing, std::size_t features, std::size_t period, double factor, double shift);

/// Adds the outputs of `more`, a map of the same inputs and period, behind those of `map`.
void append_outputs(MapGate& map, MapGate more);

}  // namespace polyformer::compile
