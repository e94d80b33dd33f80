// Texts that no training text is like, to see whether a model's polynomials hold on them: what leaves an interval makes
// an answer worthless.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/tokenizer.h"

namespace polyformer::model {

enum class StrangeKind : std::uint8_t {
    one_token,   ///< one through the whole context, drawn from the text or from the vocabulary
    two_tokens,  ///< two in turn
    refrain,     ///< 3 to 8 again and again
    one_token_after_text,
    shuffled,
    backwards,
    random_tokens,
    neighbours,     ///< of a few dozen tokens that follow each other in the vocabulary
    signs,          ///< brackets, digits and punctuation, without spaces
    other_scripts,  ///< letters of one of a dozen scripts
};

inline constexpr std::array strange_kinds = {
    StrangeKind::one_token, StrangeKind::two_tokens,    StrangeKind::refrain,    StrangeKind::one_token_after_text,
    StrangeKind::shuffled,  StrangeKind::backwards,     StrangeKind::neighbours, StrangeKind::random_tokens,
    StrangeKind::signs,     StrangeKind::other_scripts,
};

/// For people.
std::string name_of(StrangeKind kind);

/// `length` tokens; `text` has at least as many.
std::vector<std::int32_t> strange_row(StrangeKind kind, std::size_t length, std::span<const std::int32_t> text,
                                      const Tokenizer& tokenizer, std::mt19937_64& random);

/// What became of the rows of one kind.
struct StrangeResult {
    StrangeKind kind = StrangeKind::one_token;
    std::size_t rows = 0;
    std::size_t rows_outside = 0;  ///< with a value outside an interval
    std::vector<IntervalReport> intervals;
};

/// How many rows of which text, and how they are drawn.
struct StrangeOptions {
    std::filesystem::path model;
    std::filesystem::path text;  ///< what is shuffled, repeated and turned around
    std::size_t rows = 10000;    ///< of all kinds together, each as many, rounded up
    std::uint64_t seed = 1;
    bool quiet = false;
};

/// One result a kind, of rows as long as the model's context, by the exact interpreter. Throws FormatError for a
/// damaged model and a text shorter than the context, IoError when either is missing.
std::vector<StrangeResult> measure_strange_rows(const StrangeOptions& options);

nlohmann::ordered_json to_json(const std::vector<StrangeResult>& results);
/// A table for people.
std::string describe(const std::vector<StrangeResult>& results);

}  // namespace polyformer::model
