#include "polyformer/model/tokenizers/words/normalizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxSteps = 16;
constexpr std::size_t kMaxText = 1024;  // bytes

constexpr std::array<std::pair<std::string_view, NormalForm>, 4> kForms = {
    {{"NFC", NormalForm::nfc}, {"NFD", NormalForm::nfd}, {"NFKC", NormalForm::nfkc}, {"NFKD", NormalForm::nfkd}}};

std::u32string cleaned(std::u32string_view text) {
    std::u32string result;
    for (const char32_t character : text) {
        if (character == 0 || character == 0xfffd || is_control(character)) continue;
        result.push_back(is_white_space(character) ? U' ' : character);
    }
    return result;
}

std::u32string with_spaces_around_chinese(std::u32string_view text) {
    std::u32string result;
    for (const char32_t character : text) {
        if (is_chinese(character)) {
            result.append({U' ', character, U' '});
        } else {
            result.push_back(character);
        }
    }
    return result;
}

std::u32string without_accents(std::u32string_view text) {
    std::u32string result = normalize(text, NormalForm::nfd);
    std::erase_if(result, is_nonspacing_mark);
    return result;
}

std::u32string short_text(Fields& fields, const char* key) {
    const std::string text = fields.text(key);
    require<FormatError>(text.size() <= kMaxText && is_utf8(text), "{}: '{}' must be at most {} bytes of UTF-8",
                         fields.place(), key, kMaxText);
    return code_points(text);
}

}  // namespace

Normalizer::Normalizer(const nlohmann::json& document, const std::string& place) {
    if (!document.is_null()) read(document, place);
}

void Normalizer::read(const nlohmann::json& document, const std::string& place) {
    Fields fields(document, place);
    const std::string type = fields.text("type");
    if (type == "BertNormalizer") {
        bool clean = true;
        bool chinese = true;
        bool lower = true;
        fields.read("clean_text", clean);
        fields.read("handle_chinese_chars", chinese);
        fields.read("lowercase", lower);
        bool strip = lower;
        const nlohmann::json* accents = fields.find("strip_accents");
        if (accents != nullptr && !accents->is_null()) strip = fields.boolean("strip_accents");
        if (clean) steps_.emplace_back(Simple::clean);
        if (chinese) steps_.emplace_back(Simple::chinese);
        if (strip) steps_.emplace_back(Simple::strip_accents);
        if (lower) steps_.emplace_back(Simple::lowercase);
    } else if (type == "Sequence") {
        std::size_t index = 0;
        for (const nlohmann::json& part : fields.array("normalizers", kMaxSteps)) {
            read(part, fmt::format("{}.normalizers[{}]", place, index++));
        }
    } else if (type == "Lowercase") {
        steps_.emplace_back(Simple::lowercase);
    } else if (const auto* form = std::ranges::find(kForms, type, [](const auto& pair) { return pair.first; });
               form != kForms.end()) {
        steps_.emplace_back(form->second);
    } else if (type == "Prepend") {
        steps_.emplace_back(Prepend{short_text(fields, "prepend")});
    } else if (type == "Replace") {
        auto pattern = std::make_shared<const Pattern>(fields.object("pattern"), place + ".pattern");
        steps_.emplace_back(Replace{std::move(pattern), short_text(fields, "content")});
    } else if (type == "Strip") {
        Strip step;
        fields.read("strip_left", step.left);
        fields.read("strip_right", step.right);
        steps_.emplace_back(step);
    } else {
        fail<FormatError>(
            "{}: the normalizer '{}' is not supported: known are BertNormalizer, Lowercase, NFC, NFD, "
            "NFKC, NFKD, Prepend, Replace, Strip and Sequence",
            place, type);
    }
    require<FormatError>(steps_.size() <= kMaxSteps, "{}: more than {} steps", place, kMaxSteps);
    fields.finish();
}

std::u32string Normalizer::applied(Simple step, std::u32string_view text) {
    switch (step) {
        case Simple::clean:
            return cleaned(text);
        case Simple::chinese:
            return with_spaces_around_chinese(text);
        case Simple::strip_accents:
            return without_accents(text);
        case Simple::lowercase:
            break;
    }
    return lowercase(text);
}

std::u32string Normalizer::applied(NormalForm form, std::u32string_view text) {
    return normalize(text, form);
}

std::u32string Normalizer::applied(const Prepend& step, std::u32string_view text) {
    return text.empty() ? std::u32string() : step.text + std::u32string(text);
}

std::u32string Normalizer::applied(const Replace& step, std::u32string_view text) {
    return step.pattern->replaced(text, step.content);
}

std::u32string Normalizer::applied(const Strip& step, std::u32string_view text) {
    while (step.left && !text.empty() && is_white_space(text.front())) text.remove_prefix(1);
    while (step.right && !text.empty() && is_white_space(text.back())) text.remove_suffix(1);
    return std::u32string(text);
}

std::u32string Normalizer::apply(std::u32string_view text) const {
    std::u32string result(text);
    for (const Step& step : steps_) {
        result = std::visit([&](const auto& kind) { return applied(kind, result); }, step);
    }
    return result;
}

std::string Normalizer::apply(std::string_view utf8) const {
    return to_utf8(apply(code_points(utf8)));
}

}  // namespace polyformer::model
