// What `polyformer eval` reports: how well a model predicts a text, compared with itself before substitution and with
// models that any language model must beat.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/ngram.h"

namespace polyformer::model {

/// Which model to measure on which text.
struct QualityOptions {
    std::filesystem::path model;  ///< a model directory with a tokenizer
    std::filesystem::path data;   ///< folder of the texts, under any of corpus_names()
    std::string split = "test";   ///< "train", "valid" or "test"
    std::filesystem::path text;   ///< any text file instead of a split, for which there is nothing to compare with
    std::size_t stride = 0;       ///< tokens between windows; 0: half the context
    std::size_t most_tokens = 0;  ///< of the split; 0: all. A part is for a quick look, not for comparisons
    bool quiet = false;           ///< no progress bar
};

/// Perplexities are per word as published: spaces separate words, and each line's end is one.
struct Quality {
    std::string text;  ///< the split, or the name of the text's file
    std::size_t words = 0;
    std::size_t tokens = 0;
    std::size_t context = 0;
    std::size_t stride = 0;
    double polynomial = 0;                     ///< perplexity of the model as it runs encrypted
    double before_substitution = 0;            ///< of the same weights with the exact functions
    std::optional<NgramPerplexity> baselines;  ///< of the same words, where the text is a split
    std::vector<IntervalReport> intervals;
    double outside_share = 0;  ///< of all polynomials' inputs
    double seconds = 0;
};

/// Throws FormatError for a damaged model directory or an empty text, IoError when a text is missing.
Quality measure_quality(const QualityOptions& options);

nlohmann::ordered_json to_json(const Quality& quality);
/// A table for people.
std::string describe(const Quality& quality);

}  // namespace polyformer::model
