// Text on its way in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/model/language/text_input.h"
#include "polyformer/model/language/tokenizer.h"

namespace polyformer::queries {

/// Where texts come from: exactly one of the first four is set.
struct TextSource {
    std::vector<std::string> texts;
    std::optional<std::string> file;   ///< "-": standard input
    std::optional<std::string> lines;  ///< of a file, each a text; "-": standard input
    std::vector<std::int32_t> ids;
    bool context_end = false;  ///< of a text that is too long, take the end

    bool given() const { return !texts.empty() || file || lines || !ids.empty(); }
    /// The files as inputs that have names; empty for anything else.
    std::string path() const { return file && *file != "-" ? *file : std::string(); }
    std::string lines_path() const { return lines && *lines != "-" ? *lines : std::string(); }
};

/// The texts as token ids: as model::prompt_ids() has them, or with the special tokens that `input` asks for. A text
/// that is too long is cut to the input's most_tokens where it has some, else to its end by `context_end`; what was
/// left out is said. Throws Error when there is no text, when several sources are given, it has more than `context`
/// tokens and is not to be cut, or it needs a tokenizer and there is none; IoError when the file cannot be read,
/// FormatError when it is no text.
std::vector<model::EncodedText> read_tokens(const TextSource& source, const std::optional<model::Tokenizer>& tokenizer,
                                            const model::TextInput& input, std::size_t context);

/// The folder's tokenizer, in the file that `input` names; nothing when it has none, as random models do. Throws
/// FormatError when it is damaged, lost or not the folder's own.
std::optional<model::Tokenizer> find_tokenizer(const std::filesystem::path& folder, const model::TextInput& input);

}  // namespace polyformer::queries
