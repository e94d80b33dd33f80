#include "polyformer/model/tokenizers/word_pieces.h"

#include <algorithm>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxPieceBytes = 4096;

std::string text_or(Fields& fields, const char* key, std::string value) {
    fields.read(key, value);
    return value;
}

}  // namespace

Vocabulary::Vocabulary(const nlohmann::json& object, const std::string& place) {
    require<FormatError>(object.is_object() && !object.empty() && object.size() <= kMaxFeatures,
                         "{}: must be an object of 1 to {} pieces with their ids", place, kMaxFeatures);
    for (const auto& [piece, number] : object.items()) {
        require<FormatError>(piece.size() <= kMaxPieceBytes && is_utf8(piece),
                             "{}: the piece '{}' must be at most {} bytes of UTF-8", place,
                             printable(piece.substr(0, 64)), kMaxPieceBytes);
        require<FormatError>(number.is_number_unsigned() && number.get<std::uint64_t>() < kMaxFeatures,
                             "{}: the id of '{}' is {}, but must be a whole number from 0 to {}", place,
                             printable(piece), to_text(number), kMaxFeatures - 1);
        const auto id = number.get<std::size_t>();
        if (id >= pieces_.size()) pieces_.resize(id + 1);
        // An empty piece could not be told from none; nothing becomes one.
        require<FormatError>(pieces_[id].empty(), "{}: '{}' and '{}' both have the id {}", place,
                             printable(pieces_[id]), printable(piece), id);
        pieces_[id] = piece;
        ids_.emplace(piece, static_cast<std::int32_t>(id));
        longest_ = std::max(longest_, piece.size());
    }
}

std::optional<std::int32_t> Vocabulary::find(std::string_view piece) const {
    const auto found = ids_.find(piece);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

std::int32_t unknown_id(const Vocabulary& vocabulary, const std::string& piece, const std::string& place) {
    const std::optional<std::int32_t> id = vocabulary.find(piece);
    require<FormatError>(id.has_value(), "{}: the token for what is unknown, '{}', is not in the vocabulary", place,
                         printable(piece));
    return *id;
}

WordLevel::WordLevel(const nlohmann::json& document, const std::string& place)
    : vocabulary_(JsonFields(document, place).object("vocab"), place + ".vocab") {
    Fields fields(document, place);
    fields.text("type");
    fields.object("vocab");
    unknown_ = unknown_id(vocabulary_, text_or(fields, "unk_token", "<unk>"), place);
    fields.finish();
}

void WordLevel::encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    ids.push_back(vocabulary_.find(word).value_or(unknown_));
}

WordPiece::WordPiece(const nlohmann::json& document, const std::string& place)
    : vocabulary_(JsonFields(document, place).object("vocab"), place + ".vocab") {
    Fields fields(document, place);
    fields.text("type");
    fields.object("vocab");
    unknown_ = unknown_id(vocabulary_, text_or(fields, "unk_token", "[UNK]"), place);
    prefix_ = text_or(fields, "continuing_subword_prefix", "##");
    longest_word_ = 100;
    fields.read("max_input_chars_per_word", longest_word_, 1, kMaxFeatures);
    fields.finish();
}

void WordPiece::encode(std::string_view word, std::vector<std::int32_t>& ids) const {
    if (count_characters(word) > longest_word_) {
        ids.push_back(unknown_);
        return;
    }
    const std::size_t before = ids.size();
    std::string candidate;
    for (std::size_t begin = 0; begin < word.size();) {
        const std::string_view prefix = begin == 0 ? std::string_view() : prefix_;
        std::optional<std::int32_t> found;
        // No piece is longer than the longest: a word takes time in proportion to its length.
        std::size_t end = std::min(word.size(), begin + vocabulary_.longest());
        while (end < word.size() && (static_cast<unsigned char>(word[end]) & 0xc0U) == 0x80U) --end;
        for (; end > begin; previous_character(word, end)) {
            candidate.assign(prefix).append(word.substr(begin, end - begin));
            found = vocabulary_.find(candidate);
            if (found) break;
        }
        if (!found) {
            ids.resize(before);
            ids.push_back(unknown_);
            return;
        }
        ids.push_back(*found);
        begin = end;
    }
}

}  // namespace polyformer::model
