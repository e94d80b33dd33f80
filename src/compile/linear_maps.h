// Linear maps between layouts as diagonals, with as few offsets as the layouts allow.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "ckks/linear_transform.h"
#include "compile/circuit.h"
#include "compile/packing.h"

namespace polyformer::compile {

/// How a value lies in its ciphertexts: stored = factor · value + shift.
struct Storage {
    Layout layout;
    double factor = 1;
    double shift = 0;
    bool partial_sums = false;  ///< a feature is the sum over all positions that hold it, not any one of them
    bool equal_rows = false;    ///< every token's row is the same, so positions wrap around
};

/// value ↦ value · weight + bias, features `inputs` → `outputs`.
struct FeatureMap {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    std::function<double(std::size_t input, std::size_t output)> weight;
    std::function<double(std::size_t output)> bias;
};

/// The map from stored to stored values. The period is the length of the target's positions: F, or, from equal rows,
/// all slots. A position that can be read in several ways takes the least offset upwards, else the nearest below: both
/// replicated layouts and heads then need offsets in (−p, p) only, p the input's period.
MapGate diagonals_of(const FeatureMap& map, const Storage& source, const Storage& target);

/// y[t, f] = factor · x[t − shift[f], f] at positions of `layout` that hold something, zero elsewhere.
MapGate skew(const Packing& packing, const Layout& layout, const std::vector<std::size_t>& shift, double factor);

/// Adds the outputs of `more`, a map of the same inputs and period, behind those of `map`.
void append_outputs(MapGate& map, MapGate more);

}  // namespace polyformer::compile
