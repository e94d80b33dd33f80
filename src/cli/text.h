// Text on its way in and logits on their way out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/bundle.h"

namespace polyformer::cli {

/// Where a command's text comes from: exactly one of these is set.
struct TextSource {
    std::string text;
    std::string file;
    std::vector<std::int32_t> ids;
};

/// The text as token ids, lines joined by the end-of-line token as in training. Throws Error when there is no text,
/// when several sources are given, it has more than `context` tokens, or it needs a tokenizer and there is none;
/// IoError when the file cannot be read.
std::vector<std::int32_t> read_tokens(const TextSource& source, const std::optional<model::Tokenizer>& tokenizer,
                                      std::size_t context);

/// The folder's tokenizer; nothing when it has none, as random models do.
std::optional<model::Tokenizer> find_tokenizer(const std::filesystem::path& folder);

/// A likely next token.
struct Candidate {
    std::string piece;
    double probability = 0;
};

/// The `count` most likely entries of softmax(logits), most likely first; without a tokenizer named by number.
std::vector<Candidate> most_likely(std::span<const double> logits, const std::optional<model::Tokenizer>& tokenizer,
                                   std::size_t count);

nlohmann::json to_json(const std::vector<Candidate>& candidates);

/// "the  12.3 %": as a table cell.
std::string to_cell(const Candidate& candidate);

/// Index of the greatest logit.
std::size_t argmax(std::span<const double> logits);

}  // namespace polyformer::cli
