// A text as token ids in a file, so that the trainer needs no tokenizer and a resumed run no second pass over the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "polyformer/support/system/atomic_file.h"

namespace polyformer::train {

/// A text as token ids, in memory or mapped from a file.
struct PreparedText {
    std::size_t vocabulary = 0;    ///< every id is below it
    std::size_t words = 0;         ///< what perplexities per word are counted over
    std::int32_t end_of_line = 0;  ///< the id that ends each line
    std::string source_digest;     ///< of the text file that it was made from, 64 hexadecimal digits; or empty
    std::string tokenizer_digest;  ///< of the tokenizer that it was made with, likewise
    std::span<const std::int32_t> ids;
    std::shared_ptr<const void> owner;  ///< keeps `ids` alive; empty where another owns them
};

/// Writes a prepared text whose tokens come piece by piece: it need never be in memory as a whole.
class PreparedTextWriter {
  public:
    /// `about` gives all but `words`, `ids` and `owner`. Throws IoError; Error when its digest is none.
    PreparedTextWriter(const PreparedText& about, const std::filesystem::path& file);

    /// Appends tokens. Throws IoError.
    void write(std::span<const std::int32_t> ids);
    /// Puts the file in its place, atomically; without this it never appears. Throws IoError.
    void commit(std::size_t words);

  private:
    AtomicFile out_;
    std::uint64_t tokens_ = 0;
};

/// Writes it atomically. Throws IoError.
void save_text(const PreparedText& text, const std::filesystem::path& file);

/// Maps the file; its tokens are read as they are used, after one pass that checks them all. Throws IoError, or
/// FormatError naming the file and what is wrong with it.
PreparedText load_text(const std::filesystem::path& file);

}  // namespace polyformer::train
