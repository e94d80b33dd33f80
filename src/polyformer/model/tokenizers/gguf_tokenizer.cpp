#include "polyformer/model/tokenizers/gguf_tokenizer.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxMerges = std::size_t{1} << 20;
constexpr std::size_t kMaxPieceBytes = 4096;

/// What "tokenizer.ggml.token_type" says of a piece.
constexpr int kNormal = 1;
constexpr int kUnknown = 2;
constexpr int kControl = 3;
constexpr int kUserDefined = 4;
constexpr int kUnused = 5;
constexpr int kByte = 6;

/// Pieces in the order of their ids, and what they are for.
struct Pieces {
    const std::vector<std::string_view>& texts;
    std::vector<int> kinds;
    std::map<std::string_view, std::size_t> ids;  ///< but for unused ones
};

Pieces read_pieces(const GgufMetadata& metadata) {
    const std::string& label = metadata.label();
    Pieces pieces{.texts = metadata.texts("tokenizer.ggml.tokens"), .kinds = {}, .ids = {}};
    const std::size_t count = pieces.texts.size();
    require<FormatError>(count >= 1 && count <= kMaxFeatures,
                         "{}: 'tokenizer.ggml.tokens' has {} pieces, but there can be 1 to {}", label, count,
                         kMaxFeatures);
    pieces.kinds.assign(count, kNormal);
    if (metadata.contains("tokenizer.ggml.token_type")) {
        const std::vector<double>& kinds = metadata.numbers("tokenizer.ggml.token_type");
        require<FormatError>(kinds.size() == count, "{}: {} pieces, but 'tokenizer.ggml.token_type' has {} entries",
                             label, count, kinds.size());
        for (std::size_t i = 0; i < count; ++i) {
            require<FormatError>(kinds[i] >= kNormal && kinds[i] <= kByte,
                                 "{}: 'tokenizer.ggml.token_type' is {} for piece {}, but must be 1 to 6", label,
                                 kinds[i], i);
            pieces.kinds[i] = static_cast<int>(kinds[i]);
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        require<FormatError>(pieces.texts[i].size() <= kMaxPieceBytes && is_utf8(pieces.texts[i]),
                             "{}: piece {}, '{}', must be at most {} bytes of UTF-8", label, i,
                             printable(pieces.texts[i].substr(0, 64)), kMaxPieceBytes);
        if (pieces.kinds[i] == kUnused || pieces.texts[i].empty()) continue;
        const auto [found, fresh] = pieces.ids.emplace(pieces.texts[i], i);
        require<FormatError>(fresh, "{}: '{}' has the ids {} and {}", label, printable(pieces.texts[i]), found->second,
                             i);
    }
    return pieces;
}

Json vocabulary_of(const Pieces& pieces) {
    Json vocabulary = Json::object();
    for (const auto& [text, id] : pieces.ids) vocabulary[std::string(text)] = id;
    return vocabulary;
}

Json added_tokens(const Pieces& pieces) {
    Json list = Json::array();
    for (std::size_t id = 0; id < pieces.texts.size(); ++id) {
        const std::string_view text = pieces.texts[id];
        const int kind = pieces.kinds[id];
        if ((kind != kControl && kind != kUserDefined && kind != kUnknown) || text.empty()) continue;
        list.push_back({{"id", id},
                        {"content", text},
                        {"single_word", false},
                        {"lstrip", false},
                        {"rstrip", false},
                        {"normalized", false},
                        {"special", kind != kUserDefined}});
    }
    return list;
}

/// What goes around a text, as a post-processor; null for nothing.
Json around_text(const GgufMetadata& metadata, const Pieces& pieces, bool begins, bool ends) {
    Json single = Json::array();
    Json tokens = Json::object();
    const auto add = [&](bool wanted, const char* key) {
        if (!wanted) return;
        const std::size_t id = metadata.count(key, 0, pieces.texts.size() - 1);
        const std::string_view text = pieces.texts[id];
        require<FormatError>(pieces.ids.contains(text), "{}: '{}' is {}, a piece that is not used", metadata.label(),
                             key, id);
        single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
        tokens[std::string(text)] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
    };
    add(metadata.flag("tokenizer.ggml.add_bos_token", begins), "tokenizer.ggml.bos_token_id");
    single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
    add(metadata.flag("tokenizer.ggml.add_eos_token", ends), "tokenizer.ggml.eos_token_id");
    if (single.size() == 1) return nullptr;
    return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", single}, {"special_tokens", tokens}};
}

Json document_of(const Json& added, const Json& normalizer, const Json& words, const Json& around, const Json& decoder,
                 const Json& model) {
    return {{"version", "1.0"},         {"truncation", nullptr},    {"padding", nullptr},
            {"added_tokens", added},    {"normalizer", normalizer}, {"pre_tokenizer", words},
            {"post_processor", around}, {"decoder", decoder},       {"model", model}};
}

Json sequence(const char* key, const std::vector<Json>& parts) {
    return {{"type", "Sequence"}, {key, parts}};
}

/// How the kinds of byte-level models find words, by the names of "tokenizer.ggml.pre".
struct Words {
    std::array<std::string_view, 3> names;
    bool digits;          ///< each one is a word, and the rest as GPT-2's
    const char* pattern;  ///< what a word is, otherwise; null: as GPT-2's
    bool whole_words;     ///< a word that is a piece is that token, and a text has its beginning marked
    const char* normalizer;
};

constexpr std::array kWords = {
    Words{{"gpt-2", "gpt2"}, false, nullptr, false, nullptr},
    Words{{"smollm", "starcoder", "refact"}, true, nullptr, false, nullptr},
    Words{
        {"llama-bpe", "llama3", "llama-v3"},
        false,
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        true,
        nullptr},
    Words{
        {"qwen2"},
        false,
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        false,
        "NFC"}};

Json byte_level(bool use_pattern) {
    return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_pattern}};
}

Json words_of(const Words& words) {
    if (words.digits) {
        return sequence("pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)});
    }
    if (words.pattern == nullptr) return byte_level(true);
    return sequence(
        "pretokenizers",
        {{{"type", "Split"}, {"pattern", {{"Regex", words.pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
         byte_level(false)});
}

Json byte_pairs(const GgufMetadata& metadata) {
    const std::string_view name = metadata.text("tokenizer.ggml.pre", "");
    const auto* words =
        std::ranges::find_if(kWords, [&](const Words& kind) { return std::ranges::count(kind.names, name) > 0; });
    require<FormatError>(words != kWords.end() && !name.empty(),
                         "{}: 'tokenizer.ggml.pre', which says what a word is, is {}, but only gpt-2, smollm, "
                         "starcoder, refact, llama-bpe and qwen2 are known: convert the model anew, or import it as a "
                         "Hugging Face folder",
                         metadata.label(), name.empty() ? "missing" : "'" + printable(name) + "'");
    const Pieces pieces = read_pieces(metadata);
    const std::vector<std::string_view>& merges = metadata.texts("tokenizer.ggml.merges");
    require<FormatError>(!merges.empty() && merges.size() <= kMaxMerges,
                         "{}: 'tokenizer.ggml.merges' has {} entries, but must have 1 to {}: without them no word "
                         "becomes more than its letters",
                         metadata.label(), merges.size(), kMaxMerges);
    for (std::size_t i = 0; i < merges.size(); ++i) {
        require<FormatError>(is_utf8(merges[i]), "{}: merge {} is no UTF-8", metadata.label(), i);
    }
    const Json model{{"type", "BPE"},
                     {"dropout", nullptr},
                     {"unk_token", nullptr},
                     {"continuing_subword_prefix", nullptr},
                     {"end_of_word_suffix", nullptr},
                     {"fuse_unk", false},
                     {"byte_fallback", false},
                     {"ignore_merges", words->whole_words},
                     {"vocab", vocabulary_of(pieces)},
                     {"merges", merges}};
    const Json normalizer = words->normalizer == nullptr ? Json(nullptr) : Json{{"type", words->normalizer}};
    return document_of(added_tokens(pieces), normalizer, words_of(*words),
                       around_text(metadata, pieces, words->whole_words, false), byte_level(true), model);
}

/// All pairs of pieces that make a piece: those of the highest score first, of one piece in the order of ids.
Json merges_by_score(const Pieces& pieces, const std::vector<double>& scores, const std::string& label) {
    struct Merge {
        std::size_t whole;
        std::size_t left;
        std::size_t right;
    };
    std::vector<Merge> merges;
    for (std::size_t id = 0; id < pieces.texts.size(); ++id) {
        const int kind = pieces.kinds[id];
        if (kind != kNormal && kind != kUserDefined) continue;
        const std::string_view text = pieces.texts[id];
        for (std::size_t cut = 1; cut < text.size(); ++cut) {
            if ((static_cast<unsigned char>(text[cut]) & 0xc0U) == 0x80U) continue;
            const auto left = pieces.ids.find(text.substr(0, cut));
            const auto right = pieces.ids.find(text.substr(cut));
            if (left == pieces.ids.end() || right == pieces.ids.end()) continue;
            merges.push_back({id, left->second, right->second});
        }
        require<FormatError>(merges.size() <= kMaxMerges, "{}: the pieces are made of each other in more than {} ways",
                             label, kMaxMerges);
    }
    std::ranges::sort(merges, {}, [&](const Merge& merge) {
        return std::tuple(-scores[merge.whole], merge.whole, merge.left, merge.right);
    });
    Json list = Json::array();
    for (const Merge& merge : merges) list.push_back({pieces.texts[merge.left], pieces.texts[merge.right]});
    return list;
}

Json sentence_pieces(const GgufMetadata& metadata) {
    constexpr const char* kWordStart = "\u2581";  // ▁, SentencePiece's sign for a space
    const Pieces pieces = read_pieces(metadata);
    const std::vector<double>& scores = metadata.numbers("tokenizer.ggml.scores");
    require<FormatError>(scores.size() == pieces.texts.size(),
                         "{}: {} pieces, but 'tokenizer.ggml.scores' has {} entries", metadata.label(),
                         pieces.texts.size(), scores.size());
    require<FormatError>(std::ranges::none_of(scores, [](double score) { return score != score; }),
                         "{}: 'tokenizer.ggml.scores' has an entry that is not a number", metadata.label());
    const std::size_t unknown_id = metadata.count("tokenizer.ggml.unknown_token_id", 0, pieces.texts.size() - 1, 0);
    const bool space = metadata.flag("tokenizer.ggml.add_space_prefix", true);
    const auto replace = [](const char* what, const char* by) {
        return Json{{"type", "Replace"}, {"pattern", {{"String", what}}}, {"content", by}};
    };
    std::vector<Json> before = {replace(" ", kWordStart)};
    std::vector<Json> behind = {replace(kWordStart, " "), Json{{"type", "ByteFallback"}}, Json{{"type", "Fuse"}}};
    if (space) {
        before.insert(before.begin(), Json{{"type", "Prepend"}, {"prepend", kWordStart}});
        behind.push_back(Json{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    }
    const Json model{{"type", "BPE"},
                     {"dropout", nullptr},
                     {"unk_token", pieces.texts[unknown_id]},
                     {"continuing_subword_prefix", nullptr},
                     {"end_of_word_suffix", nullptr},
                     {"fuse_unk", true},
                     {"byte_fallback", true},
                     {"ignore_merges", false},
                     {"vocab", vocabulary_of(pieces)},
                     {"merges", merges_by_score(pieces, scores, metadata.label())}};
    return document_of(added_tokens(pieces), sequence("normalizers", before), nullptr,
                       around_text(metadata, pieces, true, false), sequence("decoders", behind), model);
}

}  // namespace

std::string gguf_tokenizer(const GgufMetadata& metadata) {
    const std::string_view model = metadata.text("tokenizer.ggml.model");
    if (model == "gpt2") return to_text(byte_pairs(metadata));
    require<FormatError>(model == "llama",
                         "{}: 'tokenizer.ggml.model' is '{}', but only gpt2 and llama can be imported",
                         metadata.label(), printable(model));
    return to_text(sentence_pieces(metadata));
}

}  // namespace polyformer::model
