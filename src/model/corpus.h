// WikiText as published: one text file a split, words separated by spaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "model/bundle.h"

namespace polyformer::model {

/// "wiki.<split>.tokens" in `directory`, split being "train", "valid" or "test". Throws IoError saying what to fetch
/// when it is not there.
std::filesystem::path corpus_file(const std::filesystem::path& directory, const std::string& split);

/// Calls use(line) for each line, without its newline and the spaces around it, empty lines included. Reads as a
/// stream.
void for_each_line(const std::filesystem::path& file, const std::function<void(const std::string&)>& use);

/// A text as token ids: each line's, then one token for the end of the line.
struct TokenizedText {
    std::vector<std::int32_t> ids;
    std::size_t words = 0;  ///< separated by spaces, plus one end of line each: what published perplexities count
    std::int32_t end_of_line = 0;  ///< the id that ends each line
};

/// Throws IoError as for_each_line() does, FormatError when the tokenizer has no single token for a newline.
TokenizedText tokenize_file(const std::filesystem::path& file, const Tokenizer& tokenizer);

}  // namespace polyformer::model
