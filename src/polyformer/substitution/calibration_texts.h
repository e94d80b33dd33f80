// Lines of text as the texts that a model is measured on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/substitution/substitution.h"

namespace polyformer::substitution {

/// Which texts to make of lines.
struct TextChoice {
    std::size_t context = 0;     ///< the most tokens of a text, special ones included
    std::size_t texts = 1000;    ///< to measure on, besides those held out
    bool special_tokens = true;  ///< whether the tokenizer's go around each text
};

/// Texts made of lines, and what there is to say of them.
struct CalibrationChoice {
    CalibrationTexts texts;
    double unknown_share = 0;           ///< of the sample's tokens that the tokenizer has no piece for
    std::vector<std::string> warnings;  ///< for people: too little text, or of another kind than the model's
};

/// Every fourth line whole, as far as it fits the context; of the others a stretch of words, of one up to all of them,
/// short and long ones alike often. A line without spaces is taken whole. Where there are fewer lines than texts are
/// wanted, lines give several stretches. Every eighth line is held out. Stress texts are garbled words, shuffled tokens
/// and random ones, for vocabularies that are large enough for most of them to be rare. Deterministic. The texts refer
/// to `embedding`. Throws Error when there are too few lines or most tokens are unknown.
CalibrationChoice choose_texts(const std::vector<std::string>& lines, const model::Tokenizer& tokenizer,
                               const model::Embedding& embedding, const TextChoice& choice);

}  // namespace polyformer::substitution
