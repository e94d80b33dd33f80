// An answer from ciphertext beside those of the same model in the clear.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/text.h"
#include "model/bundle.h"
#include "model/interpreter.h"

namespace polyformer::cli {

/// What the model says in the clear, with its polynomials and with the functions that they stand for.
struct ClearAnswers {
    model::Evaluation polynomial;
    model::Tensor before_substitution;  ///< logits (T, vocabulary)
};

ClearAnswers answer_in_the_clear(const model::Graph& graph, const model::Embedding& embedding,
                                 std::span<const std::int32_t> ids);

/// How the logits found compare with the polynomial model's, over their rows: the last ones.
struct Agreement {
    std::size_t rows = 0;
    double max_error = 0;     ///< greatest |difference| of logits
    double argmax_share = 0;  ///< rows with the same most likely token
};

Agreement compare(std::span<const double> logits, const model::Tensor& expected);

/// The most likely next tokens by each of the three.
struct NextWords {
    std::vector<Candidate> found;
    std::vector<Candidate> polynomial;
    std::vector<Candidate> before_substitution;
};

NextWords next_words(std::span<const double> logits, const ClearAnswers& clear,
                     const std::optional<model::Tokenizer>& tokenizer);

/// `source` heads the first column: "from ciphertext".
std::string format_table(const NextWords& words, const std::string& source);

}  // namespace polyformer::cli
