// What a substitution is given besides the graph.
#pragma once

#include <cstddef>
#include <vector>

#include "polyformer/substitution/measurement/texts.h"
#include "polyformer/substitution/polynomials/output_loss.h"

namespace polyformer::substitution {

/// The texts that a substitution measures, and those that it is judged by.
struct CalibrationTexts {
    Texts sample;    ///< as the model will meet them
    Texts stress;    ///< that reach farther: they widen intervals, no more
    Texts held_out;  ///< as the sample, for the degrees' choice and the last check
    /// Every token that a text can have, wherever it stands; none where what a token is embedded as depends on its
    /// place, or there are no tokens.
    Texts vocabulary = {};
};

/// What may be lost, and how careful to be.
struct SubstitutionOptions {
    OutputLoss kind = OutputLoss::cosine;
    double loss = 0.0005;  ///< what the mean loss of the output may be
    double escape = 1e-4;  ///< probability that a text leaves an interval anywhere
    double margin = 0.08;  ///< of every interval's width, at both ends, besides
    std::vector<std::size_t> degrees{7, 15, 31, 63, 127, 255};
    std::size_t many_sites = 64;  ///< a model with more of them has each tried at one degree
    bool next_tokens = false;     ///< whether the output predicts the token that follows each of a text's
    bool quiet = false;           ///< no progress bars
};

}  // namespace polyformer::substitution
