// What differs from token to token, or leads from one to another: maps by whole rows, and constants of full length.
#pragma once

#include <vector>

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/circuit/linear_maps.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// MixTokens from stored values to values in the same layout with the target's constants: a diagonal for each distance
/// between a token and its sources. Tokens beyond the sources', which are as many as the node has, are copies of the
/// first ones and stay so. The period is as short as the taps allow.
MapGate mixed_tokens(const Packing& packing, const model::MixTokens& mix, const Storage& source, const Storage& target);

/// RotateFeatures from stored values to values in the same layout with the target's constants, full-length diagonals:
/// in place, and for the other feature of each pair wherever it lies nearest. Of texts as long as the context
/// (MapGate).
MapGate turned_features(const Packing& packing, const model::RotateFeatures& turn, const Storage& source,
                        const Storage& target);

/// factor · values[t, feature] at every slot of a layout that holds a feature, 0 elsewhere; one vector of full length
/// for each ciphertext. `values` is (tokens, C); tokens beyond are copies of the first ones.
std::vector<std::vector<double>> constants_by_token(const Packing& packing, const Layout& layout,
                                                    const model::Matrix& values, double factor);

/// 1 at the positions of the first `tokens` rows that hold something, 0 elsewhere; of full length, one a ciphertext.
std::vector<std::vector<double>> row_masks(const Packing& packing, const Layout& layout, std::size_t tokens);

}  // namespace polyformer::compile
