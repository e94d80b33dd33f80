#include "polyformer/model/tokenizers/hugging_face.h"

#include <algorithm>
#include <array>
#include <utility>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/tokenizers/words/byte_characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

using Json = nlohmann::json;

const Json kNull;

const Json& find_or_null(const Json& document, const char* key) {
    const auto found = document.find(key);
    return found == document.end() ? kNull : *found;
}

const Json& model_of(const Json& document, const std::string& label) {
    return JsonFields(document, label).object("model");
}

std::variant<WordLevel, WordPiece, BytePairs> read_model(const Json& model, const std::string& place) {
    Fields fields(model, place);
    // Files of old versions leave the type out, and only WordPiece has this.
    std::string type = fields.find("max_input_chars_per_word") != nullptr ? "WordPiece" : "";
    fields.read("type", type);
    if (type == "WordPiece") return WordPiece(model, place);
    if (type == "WordLevel") return WordLevel(model, place);
    require<FormatError>(type == "BPE", "{}: the model '{}' is not supported: known are WordPiece, WordLevel and BPE",
                         place, type);
    return BytePairs(model, place);
}

}  // namespace

HuggingFaceTokenizer::HuggingFaceTokenizer(std::string_view json, const std::string& label)
    : HuggingFaceTokenizer(parse_json(json, label), label) {}

HuggingFaceTokenizer::HuggingFaceTokenizer(const Json& document, const std::string& label)
    : model_(read_model(model_of(document, label), label + ": model")),
      normalizer_(find_or_null(document, "normalizer"), label + ": normalizer"),
      pre_tokenizer_(find_or_null(document, "pre_tokenizer"), label + ": pre_tokenizer"),
      added_(document.contains("added_tokens") ? document["added_tokens"] : Json::array(), label + ": added_tokens",
             vocabulary_of_model(), normalizer_),
      special_(read_special_tokens(find_or_null(document, "post_processor"), label + ": post_processor",
                                   vocabulary_of_model(), added_)),
      decoder_(find_or_null(document, "decoder"), label + ": decoder") {
    Fields fields(document, label);
    for (const char* key : {"model", "normalizer", "pre_tokenizer", "added_tokens", "post_processor", "decoder"}) {
        fields.find(key);
    }
    for (const char* key : {"version", "padding"}) fields.find(key);  // texts are never padded
    const Json* truncation = fields.find("truncation");
    if (truncation != nullptr && !truncation->is_null()) {
        Fields cut(*truncation, label + ": truncation");
        most_tokens_ = cut.count("max_length", kMaxFeatures);
        cut.find("strategy");  // about two texts at a time
        cut.find("stride");    // about what is cut off
        std::string direction = "Right";
        static constexpr std::array<const char*, 2> directions = {"Right", "Left"};
        cut.choose("direction", direction, directions);
        cuts_beginning_ = direction == "Left";
        cut.finish();
    }
    fields.finish();
    size_ = vocabulary_of_model().size();
    for (const AddedToken& token : added_.tokens()) size_ = std::max(size_, static_cast<std::size_t>(token.id) + 1);
    require<FormatError>(size_ <= kMaxFeatures, "{}: {} tokens are more than {}", label, size_, kMaxFeatures);
}

const Vocabulary& HuggingFaceTokenizer::vocabulary_of_model() const {
    return std::visit([](const auto& model) -> const Vocabulary& { return model.vocabulary(); }, model_);
}

std::vector<std::int32_t> HuggingFaceTokenizer::encode(std::string_view text) const {
    const std::size_t invalid = find_invalid_utf8(text);
    require(invalid == text.size(), "the text is no UTF-8 from byte {} on", invalid);
    std::vector<std::int32_t> ids;
    for (const TextPart& part : added_.split(text, false)) {
        if (part.token) {
            ids.push_back(*part.token);
            continue;
        }
        const std::string normalized = normalizer_.apply(part.text);
        for (const TextPart& inner : added_.split(normalized, true)) {
            const bool begins = part.text.data() == text.data() && inner.text.data() == normalized.data();
            if (inner.token) {
                ids.push_back(*inner.token);
            } else {
                encode_part(inner.text, begins, ids);
            }
        }
    }
    return ids;
}

void HuggingFaceTokenizer::encode_part(std::string_view text, bool begins, std::vector<std::int32_t>& ids) const {
    const std::vector<std::string> words = pre_tokenizer_.apply(text, begins);
    std::visit(
        [&](const auto& model) {
            for (const std::string& word : words) model.encode(word, ids);
        },
        model_);
}

std::optional<std::int32_t> HuggingFaceTokenizer::find(std::string_view token) const {
    const AddedToken* added = added_.find(token);
    return added != nullptr ? added->id : vocabulary_of_model().find(token);
}

bool HuggingFaceTokenizer::is_special(std::int32_t id) const {
    const AddedToken* added = added_.find(id);
    return added != nullptr && added->special;
}

const std::string& HuggingFaceTokenizer::spelling_of(std::int32_t id) const {
    static const std::string nothing;
    if (const AddedToken* added = added_.find(id)) return added->spelling;
    const Vocabulary& vocabulary = vocabulary_of_model();
    return static_cast<std::size_t>(id) < vocabulary.size() ? vocabulary.piece(id) : nothing;
}

std::string HuggingFaceTokenizer::piece(std::int32_t id) const {
    if (const AddedToken* added = added_.find(id)) return added->content;
    const std::string& piece = spelling_of(id);
    if (piece.empty()) return fmt::format("#{}", id);
    if (pre_tokenizer_.spells_bytes()) return spelt_bytes(piece);
    if (decoder_.writes_spaces()) return decoder_.shown(piece);
    if (const auto* pieces = std::get_if<WordPiece>(&model_); pieces != nullptr && !pieces->prefix().empty()) {
        if (piece.size() > pieces->prefix().size() && piece.starts_with(pieces->prefix())) {
            return piece.substr(pieces->prefix().size());
        }
    }
    return pre_tokenizer_.splits_characters() ? piece : " " + piece;
}

std::string HuggingFaceTokenizer::decode(std::span<const std::int32_t> ids) const {
    if (!decoder_.empty()) {
        std::vector<std::string> pieces;
        for (const std::int32_t id : ids) {
            if (is_special(id)) continue;
            const std::string& spelling = spelling_of(id);
            if (!spelling.empty()) pieces.push_back(spelling);
        }
        return decoder_.decode(std::move(pieces));
    }
    std::string text;
    for (const std::int32_t id : ids) {
        if (!is_special(id)) text += piece(id);
    }
    return text.starts_with(' ') ? text.substr(1) : text;
}

}  // namespace polyformer::model
