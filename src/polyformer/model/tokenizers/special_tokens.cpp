#include "polyformer/model/tokenizers/special_tokens.h"

#include <optional>
#include <utility>

#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxSpecial = 64;

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

}  // namespace

SpecialTokens read_special_tokens(const nlohmann::json& document, const std::string& place,
                                  const Vocabulary& vocabulary, const AddedTokens& added) {
    return TemplateReader(vocabulary, added).read(document, place);
}

}  // namespace polyformer::model
