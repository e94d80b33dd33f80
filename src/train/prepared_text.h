// A text as token ids in a file, so that the trainer needs no tokenizer and a resumed run no second pass over the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace polyformer::train {

struct PreparedText {
    std::size_t vocabulary = 0;      ///< every id is below it
    std::size_t words = 0;           ///< what perplexities per word are counted over
    std::int32_t end_of_line = 0;    ///< the id that ends each line
    std::uint64_t source_bytes = 0;  ///< size of the text file that it was made from
    std::vector<std::int32_t> ids;
};

/// Writes it atomically. Throws IoError.
void save_text(const PreparedText& text, const std::filesystem::path& file);
/// Throws IoError, or FormatError naming the file and what is wrong with it.
PreparedText load_text(const std::filesystem::path& file);

}  // namespace polyformer::train
