// From a graph with exact functions to one of polynomials, by measuring it on texts; nothing is trained.
//
// 1. A pass over the texts fits the shifts of each softmax and finds heads that do not depend on the text.
// 2. A second one, with both in place, measures what enters each function.
// 3. Each site alone is replaced by polynomials of several degrees: what that does to the output, against what it costs
//    under encryption, decides all degrees together.
// 4. Texts that took no part in any of it say what was lost.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/substitution/measurement/texts.h"
#include "polyformer/substitution/polynomials/output_loss.h"

namespace polyformer::substitution {

/// The texts that a substitution measures, and those that it is judged by.
struct CalibrationTexts {
    Texts sample;    ///< as the model will meet them
    Texts stress;    ///< that reach farther: they widen intervals, no more
    Texts held_out;  ///< as the sample, for the degrees' choice and the last check
};

/// What may be lost where nobody says: it leaves a mean cosine of 0.9995, and most likely tokens and classes as they
/// were but for near ties.
double default_loss(OutputLoss kind);

/// What may be lost, and how careful to be.
struct SubstitutionOptions {
    OutputLoss kind = OutputLoss::cosine;
    double loss = 0.0005;  ///< what the mean loss of the output may be
    double escape = 1e-4;  ///< probability that a text leaves an interval anywhere
    double margin = 0.08;  ///< of every interval's width, at both ends, besides
    std::vector<std::size_t> degrees{7, 15, 31, 63, 127, 255};
    bool quiet = false;  ///< no progress bars
};

/// The graph with its polynomials, and the report on them.
struct Substituted {
    model::Graph graph;
    nlohmann::ordered_json report;  ///< see import_report.h
};

/// Replaces every Apply that names a function, sets the shifts and every node's bound. Throws Error when the graph
/// names no function or an unknown one, when there are too few texts, or no degree keeps the output finite.
Substituted substitute(model::Graph graph, const CalibrationTexts& texts, const SubstitutionOptions& options);

}  // namespace polyformer::substitution
