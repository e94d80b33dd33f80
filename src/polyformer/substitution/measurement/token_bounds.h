// What the functions before any attention can meet at all.
#pragma once

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/measurement/site_statistics.h"
#include "polyformer/substitution/measurement/texts.h"

namespace polyformer::substitution {

/// Sets SiteStatistics::possible of functions whose inputs depend on one token alone, as those of a decoder's first
/// norm do, from texts that hold every token of the vocabulary: a few tokens unlike all others would have tails
/// estimated that reach thousands of times farther than any token does. Nothing without such texts.
void bound_by_tokens(const model::Graph& graph, const Texts& vocabulary, GraphStatistics& seen);

}  // namespace polyformer::substitution
