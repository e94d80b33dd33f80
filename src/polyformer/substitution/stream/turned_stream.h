// A residual stream in other coordinates, in which no feature is larger than all others.
//
// Pretrained transformers grow a few features that are a hundred times larger than the rest. A ciphertext is stored
// over the greatest bound of all its slots, and what a bootstrap or a rescaling adds is relative to that: noise would
// be made for the few and bury the many. An orthogonal matrix Q spreads them evenly: what writes the stream gets Q
// behind it, what reads it Qᵀ before, and a norm's sum of squares stays as it is. In real arithmetic nothing changes,
// under encryption no level and no step is added.
#pragma once

#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/substitution/measurement/texts.h"

namespace polyformer::substitution {

/// Which nodes lie in a stream that can be turned: sums, and what writes them, that nothing reads but linear maps, sums
/// of squares, and products with one factor a token.
struct Stream {
    std::vector<model::NodeId> nodes = {};
    bool input = false;  ///< the client's part is one of them: it has to turn what it encrypts
};

/// All of them, in order of their first nodes.
std::vector<Stream> streams_of(const model::Graph& graph);

/// Writes the stream in other coordinates. With Stream::input the client's embedding must follow.
void turn(model::Graph& graph, const Stream& stream);
void turn(model::Embedding& embedding);

/// What was done.
struct TurnedStreams {
    double gain = 1;  ///< by what the largest values of the turned ones fell, in the geometric mean over their nodes
    bool turned = false;
    bool input = false;  ///< the embedding must follow
};

/// Turns the streams whose largest values fall by that to less than 1/kWorthTurning, as seen on these texts. One that
/// the client begins is left as it is unless `input_turns`.
TurnedStreams turn_streams(model::Graph& graph, const Texts& texts, bool input_turns);

inline constexpr double kWorthTurning = 1.5;

}  // namespace polyformer::substitution
