#include "polyformer/model/tokenizers/vocabulary_file.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

using Json = nlohmann::ordered_json;

/// As the library reads them: a piece a line, without white space behind it.
std::map<std::string, std::size_t> read_lines(std::string_view text, const std::string& label) {
    std::map<std::string, std::size_t> pieces;
    for (std::size_t number = 0; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::u32string line;
        try {
            line = code_points(text.substr(0, end));
        } catch (const Error& error) {
            throw FormatError(fmt::format("{}, line {}: {}", label, number + 1, error.what()));
        }
        while (!line.empty() && is_white_space(line.back())) line.pop_back();
        const auto [found, fresh] = pieces.emplace(to_utf8(line), number);
        require<FormatError>(fresh, "{}, line {}: '{}' is there already, in line {}", label, number + 1,
                             printable(found->first), found->second + 1);
        require<FormatError>(number < kMaxFeatures, "{}: more than {} lines", label, kMaxFeatures);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    require<FormatError>(!pieces.empty(), "{}: the vocabulary is empty", label);
    return pieces;
}

/// A text, or an object that has it as its content.
void read_token(const nlohmann::json& document, const char* key, std::string& token, const std::string& label) {
    const auto found = document.find(key);
    if (found == document.end() || found->is_null()) return;
    const nlohmann::json& value = found->is_object() && found->contains("content") ? found->at("content") : *found;
    require<FormatError>(value.is_string() && !value.get<std::string>().empty(), "{}: '{}' must be a token's text",
                         label, key);
    token = value.get<std::string>();
}

template <class Flag>
void read_flag(const nlohmann::json& document, const char* key, Flag& flag, const std::string& label) {
    const auto found = document.find(key);
    if (found == document.end() || found->is_null()) return;
    require<FormatError>(found->is_boolean(), "{}: '{}' must be true or false", label, key);
    flag = found->get<bool>();
}

Json added_token(const std::string& content, std::size_t id) {
    return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
            {"rstrip", false}, {"normalized", false}, {"special", true}};
}

}  // namespace

BertSettings bert_settings_from_json(std::string_view text, const std::string& label) {
    const nlohmann::json document = parse_json(text, label);
    require<FormatError>(document.is_object(), "{}: must be an object", label);
    BertSettings settings;
    read_flag(document, "do_lower_case", settings.lowercase, label);
    read_flag(document, "strip_accents", settings.strip_accents, label);
    read_flag(document, "tokenize_chinese_chars", settings.chinese_characters, label);
    read_token(document, "unk_token", settings.unknown, label);
    read_token(document, "cls_token", settings.start, label);
    read_token(document, "sep_token", settings.end, label);
    read_token(document, "pad_token", settings.padding, label);
    read_token(document, "mask_token", settings.mask, label);
    // Where there is no limit, Hugging Face writes 10^30.
    const auto most = document.find("model_max_length");
    if (most != document.end() && most->is_number_unsigned() && most->get<std::uint64_t>() <= kMaxContext) {
        settings.most_tokens = most->get<std::size_t>();
    }
    return settings;
}

std::string tokenizer_from_vocabulary(std::string_view vocabulary, const BertSettings& settings,
                                      const std::string& label) {
    const std::map<std::string, std::size_t> pieces = read_lines(vocabulary, label);
    const auto is_special = [&](const std::string& piece) {
        return piece == settings.unknown || piece == settings.start || piece == settings.end ||
               piece == settings.padding || piece == settings.mask;
    };
    for (const std::string& token : {settings.unknown, settings.start, settings.end}) {
        require<FormatError>(pieces.contains(token), "{}: the special token '{}' is missing", label, printable(token));
    }
    bool characters = true;
    bool has_lower = false;
    bool has_upper = false;
    for (const auto& [piece, id] : pieces) {
        if (is_special(piece) || piece.empty()) continue;
        const std::u32string text = code_points(piece);
        // "[unused7]" and the like are never found in a text.
        if (text.size() > 1 && piece.starts_with('[') && piece.ends_with(']')) continue;
        characters = characters && text.size() == 1;
        const bool upper = lowercase(text) != text;
        has_upper = has_upper || upper;
        has_lower = has_lower || (!upper && is_letter(text.back()) && text.back() < 0x80);
    }
    const bool lower = settings.lowercase.value_or(has_lower || !has_upper);

    Json words{{"type", "BertPreTokenizer"}};
    if (characters) {
        const Json split{{"type", "Split"}, {"pattern", {{"String", ""}}}, {"behavior", "Isolated"}, {"invert", false}};
        words = {{"type", "Sequence"}, {"pretokenizers", Json::array({words, split})}};
    }
    Json added = Json::array();
    for (const std::string& token : {settings.padding, settings.unknown, settings.start, settings.end, settings.mask}) {
        if (pieces.contains(token)) added.push_back(added_token(token, pieces.at(token)));
    }
    const auto special = [](const std::string& token) {
        return Json{{"SpecialToken", {{"id", token}, {"type_id", 0}}}};
    };
    const Json text{{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
    Json special_tokens = Json::object();
    for (const std::string& token : {settings.start, settings.end}) {
        special_tokens[token] = {{"id", token}, {"ids", {pieces.at(token)}}, {"tokens", {token}}};
    }
    const Json single = Json::array({special(settings.start), text, special(settings.end)});
    const Json pair = Json::array({special(settings.start), text, special(settings.end),
                                   Json{{"Sequence", {{"id", "B"}, {"type_id", 1}}}},
                                   Json{{"SpecialToken", {{"id", settings.end}, {"type_id", 1}}}}});
    Json list = Json::object();
    std::vector<std::pair<std::size_t, std::string>> by_id;
    for (const auto& [piece, id] : pieces) by_id.emplace_back(id, piece);
    std::ranges::sort(by_id);
    for (const auto& [id, piece] : by_id) {
        if (!piece.empty()) list.push_back({piece, id});
    }
    Json truncation = nullptr;
    if (settings.most_tokens > 0) {
        truncation = {
            {"direction", "Right"}, {"max_length", settings.most_tokens}, {"strategy", "LongestFirst"}, {"stride", 0}};
    }
    const Json document{
        {"version", "1.0"},
        {"truncation", truncation},
        {"padding", nullptr},
        {"added_tokens", added},
        {"normalizer",
         {{"type", "BertNormalizer"},
          {"clean_text", true},
          {"handle_chinese_chars", settings.chinese_characters},
          {"strip_accents", settings.strip_accents ? Json(*settings.strip_accents) : Json(nullptr)},
          {"lowercase", lower}}},
        {"pre_tokenizer", words},
        {"post_processor",
         {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special_tokens}}},
        {"decoder",
         characters ? Json{{"type", "Fuse"}} : Json{{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
        {"model",
         {{"type", "WordPiece"},
          {"unk_token", settings.unknown},
          {"continuing_subword_prefix", "##"},
          {"max_input_chars_per_word", 100},
          {"vocab", list}}}};
    return to_text(document);
}

}  // namespace polyformer::model
