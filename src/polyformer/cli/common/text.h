// Text on its way in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/model/language/tokenizer.h"

namespace polyformer::cli {

/// Where a command's text comes from: exactly one of the first three is set.
struct TextSource {
    std::optional<std::string> text;
    std::optional<std::string> file;  ///< "-": standard input
    std::vector<std::int32_t> ids;
    bool context_end = false;  ///< of a text that is too long, take the end

    bool given() const { return text || file || !ids.empty(); }
    /// The file as an input that has a name; empty for anything else.
    std::string path() const { return file && *file != "-" ? *file : std::string(); }
};

/// A text as the model takes it.
struct Tokens {
    std::vector<std::int32_t> ids;
    std::size_t left_out = 0;  ///< of the text's beginning, by `context_end`
};

/// The text as token ids, as model::prompt_ids() has them. Throws Error when there is no text, when several sources are
/// given, it has more than `context` tokens, or it needs a tokenizer and there is none; IoError when the file cannot be
/// read, FormatError when it is no text.
Tokens read_tokens(const TextSource& source, const std::optional<model::Tokenizer>& tokenizer, std::size_t context);

/// The folder's tokenizer; nothing when it has none, as random models do. Throws FormatError when it is damaged, lost
/// or not the folder's own.
std::optional<model::Tokenizer> find_tokenizer(const std::filesystem::path& folder);

}  // namespace polyformer::cli
