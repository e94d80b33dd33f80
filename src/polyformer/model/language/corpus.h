// Texts to learn from and to be measured on: one file a split, words separated by spaces, as WikiText is published.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/language/lines.h"
#include "polyformer/model/language/tokenizer.h"

namespace polyformer::model {

/// The names that a split's file may have, the first there being taken: "wiki.<split>.tokens" (WikiText, word level),
/// "wiki.<split>.raw" (WikiText, character level), "<split>.txt" (any text). Throws Error unless `split` is "train",
/// "valid" or "test".
std::vector<std::string> corpus_names(const std::string& split);

/// The split's file in `directory`; nothing when none is there. Throws Error as corpus_names() does.
std::optional<std::filesystem::path> find_corpus_file(const std::filesystem::path& directory, const std::string& split);

/// The same; throws IoError with the names tried and how to fetch a text when none is there.
std::filesystem::path corpus_file(const std::filesystem::path& directory, const std::string& split);

/// Calls use(line) for each line as LineReader has them, empty ones included. Reads as a stream, which may be a pipe.
/// Throws IoError when the file cannot be read, FormatError as LineReader does.
void for_each_line(const std::filesystem::path& file, const UseLine& use);

/// What a text came to.
struct TextCounts {
    std::size_t tokens = 0;
    std::size_t words = 0;  ///< separated by spaces, plus one end of line each: what published perplexities count
};

/// The one token that stands for a newline. Throws FormatError when the tokenizer has none.
std::int32_t end_of_line_token(const Tokenizer& tokenizer);

/// Takes some tokens, and about what share of the text is then done, 0 to 1.
using UseTokens = std::function<void(std::span<const std::int32_t> ids, double done)>;

/// Calls use() with the tokens of the text from first to last, some at a time: each line's, then one for the end of the
/// line. Lines are split into tokens on all threads; memory stays at some MiB however long the text. Throws as
/// for_each_line() and end_of_line_token() do.
TextCounts tokenize(const std::filesystem::path& file, const Tokenizer& tokenizer, const UseTokens& use);

/// A text as token ids: each line's, then one token for the end of the line.
struct TokenizedText {
    std::vector<std::int32_t> ids;
    std::size_t words = 0;         ///< as in TextCounts
    std::int32_t end_of_line = 0;  ///< the id that ends each line
};

/// A text to go on from: the same tokens but for the last line's end. `name` is what messages call it. Throws Error for
/// a text without words, FormatError as LineReader and, for more than one line, end_of_line_token() do.
std::vector<std::int32_t> prompt_ids(std::string_view text, const std::string& name, const Tokenizer& tokenizer);

/// The whole text at once. Throws as tokenize() does.
TokenizedText tokenize_file(const std::filesystem::path& file, const Tokenizer& tokenizer);

}  // namespace polyformer::model
