// How well a model predicts the next token of many texts, before and after substitution, in batches.
#pragma once

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/tasks/text_model.h"

namespace polyformer::tasks {

/// How texts are read.
struct NextTokenOptions {
    std::size_t stride = 0;       ///< tokens from one window of a long text to the next; 0: half of what a window holds
    std::size_t most_tokens = 0;  ///< texts are left out once so many were read; 0: none
    bool exact_only = false;      ///< of a checkpoint, whose functions have no polynomials
    bool quiet = false;           ///< no progress bar
};

/// What the polynomials make of the predictions, compared with the same weights with the exact functions.
struct PolynomialPredictions {
    double perplexity = NAN;          ///< of the texts that are not lost; not a number where all are, as those below
    double divergence = NAN;          ///< their mean KL(exact ‖ polynomial) over tokens, in nats
    double same_token = NAN;          ///< share of their tokens at which both find the same one most likely
    std::size_t texts_lost = 0;       ///< with logits that are not finite or a mean divergence above one nat
    std::size_t windows_outside = 0;  ///< some value of which left a polynomial's interval
    std::vector<model::IntervalReport> intervals;
};

/// Perplexities are per token of the model's own tokenizer.
struct NextTokenResult {
    std::size_t texts = 0;
    std::size_t texts_left_out = 0;  ///< of fewer than two tokens
    std::size_t windows = 0;
    std::size_t tokens = 0;  ///< predicted
    std::size_t context = 0;
    std::size_t prefix = 0;  ///< public tokens that stand before each window
    std::size_t stride = 0;
    double perplexity = 0;  ///< with the exact functions, of the texts that are not lost (of all where all are)
    std::optional<PolynomialPredictions> polynomial;
    double seconds = 0;
};

/// Each text by itself, a long one in windows of the model's context, the tokenizer's mark of beginning before each; of
/// a text's tokens each is predicted once, but for the first where nothing stands before it. Throws Error for a model
/// that does not predict the next token and when no text has two tokens, and whatever the tokenizer throws.
NextTokenResult measure_next_tokens(const TextModel& model, std::span<const std::string> texts,
                                    const NextTokenOptions& options);

nlohmann::ordered_json to_json(const NextTokenResult& result);
/// A table for people.
std::string describe(const NextTokenResult& result);

}  // namespace polyformer::tasks
