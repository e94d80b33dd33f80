// From a graph with exact functions to one of polynomials, by measuring it on texts; nothing is trained.
//
// 1. A pass over the texts fits the shifts of each softmax and finds heads that do not depend on the text.
// 2. A second one, with both in place, measures what enters each function.
// 3. Each site alone is replaced by polynomials of several degrees: what that does to the output, against what it costs
//    under encryption, decides all degrees together.
// 4. Texts that took no part in any of it say what was lost.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/steps/options.h"
#include "polyformer/substitution/stream/turned_stream.h"

namespace polyformer::substitution {

/// What may be lost where nobody says: it leaves a mean cosine of 0.9995, and most likely tokens and classes as they
/// were but for near ties; next tokens, of which there are many near ties, in all but a few of a hundred.
double default_loss(OutputLoss kind, bool next_tokens = false);

/// The graph with its polynomials, and the report on them.
struct Substituted {
    model::Graph graph;
    nlohmann::ordered_json report;  ///< see import_report.h
};

/// Replaces every Apply that names a function, sets the shifts and every node's bound. Throws Error when the graph
/// names no function or an unknown one, when there are too few texts, or no degree keeps the output finite.
Substituted substitute(model::Graph graph, const CalibrationTexts& texts, const SubstitutionOptions& options);

/// Turns residual streams of a few features far larger than the others (stream/turned_stream.h), as some of the texts
/// show them; before substitute(). One that the client begins is left as it is unless `input_turns`.
TurnedStreams turn_streams(model::Graph& graph, const CalibrationTexts& texts, bool input_turns);

/// {"turned", "gain"}
nlohmann::ordered_json to_json(const TurnedStreams& streams);
/// A sentence on what was gained, from that; nothing where nothing was turned.
std::string describe_stream(const nlohmann::ordered_json& document);

}  // namespace polyformer::substitution
