// How a polynomial model behaves on input unlike its training text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "polyformer/train/data/prepared_text.h"
#include "polyformer/trainer/network/transformer.h"

namespace polyformer::train {

/// For each kind of input (the text itself in full windows and in the shortest, its words shuffled, its words
/// backwards, random tokens, one token repeated, two in turn): tokens read, share of values outside their polynomials'
/// intervals, the worst excursion and its site, perplexity per token with the exact functions and with the polynomials
/// (not finite where they broke). The model must have polynomials. Inputs depend on the seed alone.
nlohmann::ordered_json measure_stability(TransformerImpl& model, const PreparedText& text, std::uint64_t seed);

}  // namespace polyformer::train
