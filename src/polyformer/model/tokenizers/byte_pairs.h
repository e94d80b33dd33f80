// Words to tokens by byte-pair encoding: from single characters on, neighbours are joined in the order in which
// training joined them (Sennrich et al. 2016).
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/tokenizers/word_pieces.h"

namespace polyformer::model {

/// A vocabulary and its joins.
class BytePairs {
  public:
    /// From what a tokenizer.json has under "model". Throws FormatError, also for dropout and marks of a word's parts.
    BytePairs(const nlohmann::json& document, const std::string& place);
    const Vocabulary& vocabulary() const { return vocabulary_; }
    void encode(std::string_view word, std::vector<std::int32_t>& ids) const;

  private:
    struct Merge {
        std::int32_t left;
        std::int32_t right;
        std::int32_t rank;
        std::int32_t merged;
    };

    void read_merges(const nlohmann::json& list, const std::string& place);
    const Merge* find(std::int32_t left, std::int32_t right) const;
    /// A character's bytes, if there are tokens for them.
    bool spell(std::string_view character, std::vector<std::int32_t>& ids) const;
    std::vector<std::int32_t> characters_of(std::string_view word) const;

    Vocabulary vocabulary_;
    std::vector<Merge> merges_;                           ///< ascending by left, then right
    std::optional<std::int32_t> unknown_;                 ///< none: what is unknown is left out
    std::array<std::optional<std::int32_t>, 256> bytes_;  ///< "<0x41>", where unknown characters fall back to them
    bool fuse_unknown_ = false;                           ///< several in a row are one
    bool ignore_merges_ = false;                          ///< a word that is a piece is that token
};

}  // namespace polyformer::model
