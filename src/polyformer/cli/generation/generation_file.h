// What a generation has come to, so that an interrupted one goes on where it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/cli/generation/next_token.h"

namespace polyformer::cli {

/// A token that was generated, as it was drawn.
struct GeneratedToken {
    std::int32_t id = 0;
    double probability = 0;
    bool as_in_clear = true;  ///< whether the polynomial model in the clear gives the same

    friend bool operator==(const GeneratedToken&, const GeneratedToken&) = default;
};

/// A text and what a model has made of it so far.
struct Generation {
    std::string model;  ///< its fingerprint
    bool encrypted = true;
    Sampling sampling;
    std::vector<std::int32_t> prompt;  ///< token ids
    std::vector<GeneratedToken> tokens;

    /// Prompt and tokens, as the model reads them.
    std::vector<std::int32_t> ids() const;

    friend bool operator==(const Generation&, const Generation&) = default;
};

/// Written whole or not at all, for its owner alone (mode 0600): it holds a private text. Throws IoError.
void save_generation(const Generation& generation, const std::filesystem::path& file);

/// Goes on with what the file holds, which must be of the same model, prompt and way of choosing as `asked`. Throws
/// Error naming what differs, FormatError for a damaged file or ids that are not below `vocabulary`.
Generation load_generation(const std::filesystem::path& file, const Generation& asked, std::size_t vocabulary);

}  // namespace polyformer::cli
