// A small random encoder with softmax and exact functions, as a checkpoint's would be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/substitution/measurement/texts.h"

namespace polyformer::substitution {

inline constexpr std::size_t kContext = 6;
inline constexpr std::size_t kWidth = 8;
inline constexpr std::size_t kHeads = 2;

/// One layer, norms behind sums, GELU, the mean over tokens as output. Where `previous_token` is set, head 0 gives
/// nearly all its weight to the token before (the first one to itself), by what embed() writes for each position.
model::Graph small_encoder(bool previous_token = false);

/// The same with its exponentials as squares.
model::Graph encoder_with_roots(bool previous_token = false);

/// The small encoder looking back only, with rotary positions and an output for each token; keys and values of one head
/// for both where `grouped`.
model::Graph small_decoder(bool grouped);

/// A vocabulary of 12 random tokens; features 4 and up are the position's.
model::Tensor embed(std::span<const std::int32_t> ids);

/// Random texts of 1 to kContext tokens.
Texts random_texts(std::size_t count, unsigned seed);

model::NodeId node_named(const model::Graph& graph, const char* name);

}  // namespace polyformer::substitution
