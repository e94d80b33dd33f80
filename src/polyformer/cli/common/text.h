// Text on its way in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/model/language/tokenizer.h"

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

}  // namespace polyformer::cli
