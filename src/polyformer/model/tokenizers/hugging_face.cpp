#include "polyformer/model/tokenizers/hugging_face.h"

#include <algorithm>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/tokenizers/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxSpecial = 64;
const Json kNull;

const Json& find_or_null(const Json& document, const char* key) {
    const auto found = document.find(key);
    return found == document.end() ? kNull : *found;
}

/// Reads a post-processor, as far as it is about one text.
class TemplateReader {
  public:
    TemplateReader(const Vocabulary& vocabulary, const AddedTokens& added) : vocabulary_(vocabulary), added_(added) {}

    SpecialTokens read(const Json& document, const std::string& place) {
        if (!document.is_null()) read_part(document, place);
        return std::move(special_);
    }

  private:
    void read_part(const Json& document, const std::string& place) {
        Fields fields(document, place);
        const std::string type = fields.text("type");
        if (type == "Sequence") {
            std::size_t index = 0;
            for (const Json& part : fields.array("processors", kMaxSpecial)) {
                read_part(part, fmt::format("{}.processors[{}]", place, index++));
            }
        } else if (type == "ByteLevel" || type == "BertProcessing" || type == "RobertaProcessing") {
            // About offsets into the text, which we do not give.
            bool ignored = false;
            for (const char* key : {"trim_offsets", "add_prefix_space", "use_regex"}) fields.read(key, ignored);
            if (type != "ByteLevel") {
                read_once(place);
                special_.before = {id_of_pair(fields.array("cls", 2), place + ".cls")};
                special_.after = {id_of_pair(fields.array("sep", 2), place + ".sep")};
            }
        } else if (type == "TemplateProcessing") {
            read_once(place);
            fields.find("pair");  // two texts at a time are not supported
            read_template(fields.array("single", kMaxSpecial), fields.object("special_tokens"), place);
        } else {
            fail<FormatError>(
                "{}: the post-processor '{}' is not supported: known are TemplateProcessing, "
                "BertProcessing, RobertaProcessing, ByteLevel and Sequence",
                place, type);
        }
        fields.finish();
    }

    void read_once(const std::string& place) {
        require<FormatError>(!read_, "{}: two post-processors add special tokens", place);
        read_ = true;
    }

    void read_template(const Json& pieces, const Json& tokens, const std::string& place) {
        bool text_seen = false;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const std::string here = fmt::format("{}.single[{}]", place, i);
            Fields piece(pieces[i], here);
            const bool is_text = piece.find("Sequence") != nullptr;
            Fields inner(piece.object(is_text ? "Sequence" : "SpecialToken"), here);
            const std::string id = inner.text("id");
            const std::size_t kind = inner.count("type_id", kMaxFeatures);
            require<FormatError>(kind == 0, "{}: tokens of type {} are not supported, only of type 0", here, kind);
            inner.finish();
            piece.finish();
            if (is_text) {
                require<FormatError>(id == "A" && !text_seen, "{}: a single text is 'A', and is there once", here);
                text_seen = true;
                continue;
            }
            std::vector<std::int32_t>& ids = text_seen ? special_.after : special_.before;
            for (const std::int32_t found : ids_of(tokens, id, place + ".special_tokens")) ids.push_back(found);
            require<FormatError>(special_.before.size() + special_.after.size() <= kMaxSpecial,
                                 "{}: more than {} special tokens", here, kMaxSpecial);
        }
        require<FormatError>(text_seen, "{}.single: the text itself, 'A', is missing", place);
    }

    std::vector<std::int32_t> ids_of(const Json& tokens, const std::string& name, const std::string& place) const {
        Fields all(tokens, place);
        const Json* found = all.find(name.c_str());
        require<FormatError>(found != nullptr, "{}: '{}' is missing", place, printable(name));
        const std::string here = fmt::format("{}.{}", place, printable(name));
        Fields fields(*found, here);
        fields.text("id");
        const std::vector<std::size_t> ids = fields.counts("ids", kMaxSpecial);
        const Json& contents = fields.array("tokens", kMaxSpecial);
        fields.finish();
        require<FormatError>(ids.size() == contents.size(), "{}: {} ids but {} tokens", here, ids.size(),
                             contents.size());
        std::vector<std::int32_t> result;
        for (std::size_t i = 0; i < ids.size(); ++i) result.push_back(checked(contents[i], Json(ids[i]), here));
        return result;
    }

    std::int32_t id_of_pair(const Json& pair, const std::string& place) const {
        require<FormatError>(pair.size() == 2, "{}: must be a token and its id", place);
        return checked(pair[0], pair[1], place);
    }

    /// The library believes what it finds here; a token that is another one would go unnoticed.
    std::int32_t checked(const Json& content, const Json& id, const std::string& place) const {
        require<FormatError>(content.is_string(), "{}: the token must be a string", place);
        const auto text = content.get<std::string>();
        const AddedToken* added = added_.find(text);
        const std::optional<std::int32_t> known = added != nullptr ? added->id : vocabulary_.find(text);
        require<FormatError>(known && id.is_number_unsigned() && id == *known,
                             "{}: the special token '{}' has the id {}, but {}", place, printable(text), to_text(id),
                             known ? fmt::format("in the vocabulary {}", *known) : "is not in the vocabulary");
        return *known;
    }

    const Vocabulary& vocabulary_;
    const AddedTokens& added_;
    SpecialTokens special_;
    bool read_ = false;
};

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
      special_(TemplateReader(vocabulary_of_model(), added_)
                   .read(find_or_null(document, "post_processor"), label + ": post_processor")) {
    Fields fields(document, label);
    for (const char* key : {"model", "normalizer", "pre_tokenizer", "added_tokens", "post_processor"}) fields.find(key);
    // Texts are never padded, and shown by rules of our own.
    for (const char* key : {"version", "padding", "decoder"}) fields.find(key);
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
            if (inner.token) {
                ids.push_back(*inner.token);
            } else {
                encode_part(inner.text, ids);
            }
        }
    }
    return ids;
}

void HuggingFaceTokenizer::encode_part(std::string_view text, std::vector<std::int32_t>& ids) const {
    const std::vector<std::string> words = pre_tokenizer_.apply(text);
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

std::string HuggingFaceTokenizer::piece(std::int32_t id) const {
    if (const AddedToken* added = added_.find(id)) return added->content;
    const Vocabulary& vocabulary = vocabulary_of_model();
    const std::string piece = static_cast<std::size_t>(id) < vocabulary.size() ? vocabulary.piece(id) : "";
    if (piece.empty()) return fmt::format("#{}", id);
    if (pre_tokenizer_.spells_bytes()) return spelt_bytes(piece);
    if (const auto* pieces = std::get_if<WordPiece>(&model_); pieces != nullptr && !pieces->prefix().empty()) {
        if (piece.size() > pieces->prefix().size() && piece.starts_with(pieces->prefix())) {
            return piece.substr(pieces->prefix().size());
        }
    }
    return pre_tokenizer_.splits_characters() ? piece : " " + piece;
}

std::string HuggingFaceTokenizer::decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const std::int32_t id : ids) {
        if (!is_special(id)) text += piece(id);
    }
    return text.starts_with(' ') ? text.substr(1) : text;
}

}  // namespace polyformer::model
