#include "polyformer/model/tokenizers/decoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "polyformer/model/tokenizers/words/byte_characters.h"
#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxSteps = 16;
constexpr std::size_t kMaxText = 1024;  // bytes
constexpr std::size_t kMaxStripped = 1024;
constexpr std::string_view kReplacement = "\ufffd";

std::string joined(const std::vector<std::string>& pieces) {
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    return text;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    if (what.empty()) return;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
}

/// How many bytes of the text's beginning a decoder takes together for one that cannot be: as much of a character as
/// is well-formed, or one byte (the Unicode standard's "maximal subpart").
std::size_t invalid_size(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const unsigned first = byte(0);
    const std::size_t size = first >= 0xf0 && first <= 0xf4  ? 4
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xc2                 ? 2
                                                             : 1;
    if (size == 1 || first > 0xf4) return 1;
    const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (byte(1) < least || byte(1) > most) return 1;
    std::size_t taken = 2;
    while (taken < size && (byte(taken) & 0xc0U) == 0x80U) ++taken;
    return taken;
}

std::string with_replacements(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        const std::size_t valid = find_invalid_utf8(bytes);
        text += bytes.substr(0, valid);
        bytes.remove_prefix(valid);
        if (bytes.empty()) break;
        text += kReplacement;
        bytes.remove_prefix(std::min(invalid_size(bytes), bytes.size()));
    }
    return text;
}

/// "<0x41>" → 'A'.
std::optional<char> fallback_byte(std::string_view piece) {
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(&piece[3], &piece[5], value, 16);
    if (error != std::errc() || end != &piece[5]) return std::nullopt;
    return static_cast<char>(value);
}

std::string read_text(Fields& fields, const char* key, std::string value) {
    fields.read(key, value);
    require<FormatError>(value.size() <= kMaxText && is_utf8(value), "{}: '{}' must be at most {} bytes of UTF-8",
                         fields.place(), key, kMaxText);
    return value;
}

char32_t read_character(Fields& fields, const char* key, std::string value) {
    const std::u32string text = code_points(read_text(fields, key, std::move(value)));
    require<FormatError>(text.size() == 1, "{}: '{}' must be one character", fields.place(), key);
    return text.front();
}

/// English, as tokens that were words by themselves are put back: "do n't ." is "don't.".
std::string cleaned_up(std::string text) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kChanges = {{{" .", "."},
                                                                                                {" ?", "?"},
                                                                                                {" !", "!"},
                                                                                                {" ,", ","},
                                                                                                {" ' ", "'"},
                                                                                                {" n't", "n't"},
                                                                                                {" 'm", "'m"},
                                                                                                {" do not", " don't"},
                                                                                                {" 's", "'s"},
                                                                                                {" 've", "'ve"},
                                                                                                {" 're", "'re"}}};
    for (const auto& [what, by] : kChanges) replace_all(text, what, by);
    return text;
}

}  // namespace

Decoder::Decoder(const nlohmann::json& document, const std::string& place) {
    if (!document.is_null()) read(document, place);
}

void Decoder::read(const nlohmann::json& document, const std::string& place) {
    Fields fields(document, place);
    const std::string type = fields.text("type");
    if (type == "ByteLevel") {
        bool ignored = false;  // about texts on their way in
        for (const char* key : {"add_prefix_space", "trim_offsets", "use_regex"}) fields.read(key, ignored);
        steps_.emplace_back(ByteLevel{});
    } else if (type == "ByteFallback") {
        steps_.emplace_back(ByteFallback{});
    } else if (type == "Fuse") {
        steps_.emplace_back(Fuse{});
    } else if (type == "Metaspace") {
        fields.find("str_rep");
        fields.find("split");
        bool add_prefix_space = true;
        fields.read("add_prefix_space", add_prefix_space);
        const std::string scheme = read_text(fields, "prepend_scheme", add_prefix_space ? "always" : "never");
        steps_.emplace_back(Metaspace{read_character(fields, "replacement", "\u2581"), scheme != "never"});
    } else if (type == "Replace") {
        auto pattern = std::make_shared<const Pattern>(fields.object("pattern"), place + ".pattern");
        steps_.emplace_back(Replace{std::move(pattern), code_points(read_text(fields, "content", ""))});
    } else if (type == "Strip") {
        const std::size_t start = fields.count("start", kMaxStripped);
        steps_.emplace_back(Strip{read_character(fields, "content", " "), start, fields.count("stop", kMaxStripped)});
    } else if (type == "WordPiece") {
        WordPiece step;
        step.prefix = read_text(fields, "prefix", step.prefix);
        fields.read("cleanup", step.cleanup);
        steps_.emplace_back(step);
    } else if (type == "BPEDecoder") {
        steps_.emplace_back(WordEnds{read_text(fields, "suffix", "</w>")});
    } else if (type == "Sequence") {
        std::size_t index = 0;
        for (const nlohmann::json& part : fields.array("decoders", kMaxSteps)) {
            read(part, fmt::format("{}.decoders[{}]", place, index++));
        }
    } else {
        fail<FormatError>(
            "{}: the decoder '{}' is not supported: known are BPEDecoder, ByteFallback, ByteLevel, Fuse, Metaspace, "
            "Replace, Strip, WordPiece and Sequence",
            place, type);
    }
    require<FormatError>(steps_.size() <= kMaxSteps, "{}: more than {} steps", place, kMaxSteps);
    fields.finish();
}

Decoder::Pieces Decoder::applied(const ByteLevel& /*step*/, const Pieces& pieces) {
    std::string bytes;
    for (const std::string& piece : pieces) bytes += bytes_spelt_by(piece).value_or(piece);
    return {with_replacements(bytes)};
}

Decoder::Pieces Decoder::applied(const ByteFallback& /*step*/, const Pieces& pieces) {
    Pieces result;
    std::string bytes;
    const auto flush = [&] {
        if (bytes.empty()) return;
        if (is_utf8(bytes)) {
            result.push_back(bytes);
        } else {
            for (std::size_t i = 0; i < bytes.size(); ++i) result.emplace_back(kReplacement);
        }
        bytes.clear();
    };
    for (const std::string& piece : pieces) {
        if (const std::optional<char> byte = fallback_byte(piece)) {
            bytes.push_back(*byte);
        } else {
            flush();
            result.push_back(piece);
        }
    }
    flush();
    return result;
}

Decoder::Pieces Decoder::applied(const Fuse& /*step*/, const Pieces& pieces) {
    return {joined(pieces)};
}

Decoder::Pieces Decoder::applied(const Metaspace& step, const Pieces& pieces) {
    Pieces result;
    for (const std::string& piece : pieces) {
        std::string text;
        for (const char32_t character : code_points(piece)) {
            if (character != step.sign) {
                append_utf8(text, character);
            } else if (!result.empty() || !step.strips_first) {
                text.push_back(' ');
            }
        }
        result.push_back(std::move(text));
    }
    return result;
}

Decoder::Pieces Decoder::applied(const Replace& step, const Pieces& pieces) {
    Pieces result;
    for (const std::string& piece : pieces) {
        result.push_back(to_utf8(step.pattern->replaced(code_points(piece), step.content)));
    }
    return result;
}

Decoder::Pieces Decoder::applied(const Strip& step, const Pieces& pieces) {
    Pieces result;
    for (const std::string& piece : pieces) {
        const std::u32string text = code_points(piece);
        std::size_t begin = 0;
        while (begin < step.start && begin < text.size() && text[begin] == step.character) ++begin;
        std::size_t end = text.size();
        while (text.size() - end < step.stop && end > begin && text[end - 1] == step.character) --end;
        result.push_back(to_utf8(std::u32string_view(text).substr(begin, end - begin)));
    }
    return result;
}

Decoder::Pieces Decoder::applied(const WordPiece& step, const Pieces& pieces) {
    Pieces result;
    for (std::string piece : pieces) {
        if (!result.empty()) {
            piece = piece.starts_with(step.prefix) ? piece.substr(step.prefix.size()) : " " + piece;
        }
        result.push_back(step.cleanup ? cleaned_up(std::move(piece)) : std::move(piece));
    }
    return result;
}

Decoder::Pieces Decoder::applied(const WordEnds& step, const Pieces& pieces) {
    Pieces result = pieces;
    for (std::size_t i = 0; i < result.size(); ++i) {
        replace_all(result[i], step.suffix, i + 1 == result.size() ? "" : " ");
    }
    return result;
}

bool Decoder::writes_spaces() const {
    return std::ranges::any_of(steps_, [](const Step& step) {
        return std::holds_alternative<Metaspace>(step) || std::holds_alternative<Replace>(step);
    });
}

std::string Decoder::decode(std::vector<std::string> pieces) const {
    for (const Step& step : steps_) {
        pieces = std::visit([&](const auto& kind) { return applied(kind, pieces); }, step);
    }
    return joined(pieces);
}

std::string Decoder::shown(std::string_view piece) const {
    if (const std::optional<char> byte = fallback_byte(piece);
        byte && std::ranges::any_of(steps_, [](const Step& s) { return std::holds_alternative<ByteFallback>(s); })) {
        return {*byte};
    }
    Pieces pieces{std::string(piece)};
    for (const Step& step : steps_) {
        if (const auto* replace = std::get_if<Replace>(&step)) pieces = applied(*replace, pieces);
        if (const auto* metaspace = std::get_if<Metaspace>(&step)) {
            pieces = applied(Metaspace{metaspace->sign, false}, pieces);
        }
    }
    return joined(pieces);
}

}  // namespace polyformer::model
