#include "polyformer/model/tokenizers/normalizer.h"

#include "polyformer/model/tokenizers/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxSteps = 16;

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
        if (clean) steps_.push_back(Step::clean);
        if (chinese) steps_.push_back(Step::chinese);
        if (strip) steps_.push_back(Step::strip_accents);
        if (lower) steps_.push_back(Step::lowercase);
    } else if (type == "Sequence") {
        std::size_t index = 0;
        for (const nlohmann::json& part : fields.array("normalizers", kMaxSteps)) {
            read(part, fmt::format("{}.normalizers[{}]", place, index++));
        }
    } else if (type == "Lowercase") {
        steps_.push_back(Step::lowercase);
    } else if (type == "NFC") {
        steps_.push_back(Step::nfc);
    } else if (type == "NFD") {
        steps_.push_back(Step::nfd);
    } else if (type == "NFKC") {
        steps_.push_back(Step::nfkc);
    } else if (type == "NFKD") {
        steps_.push_back(Step::nfkd);
    } else {
        fail<FormatError>(
            "{}: the normalizer '{}' is not supported: known are BertNormalizer, Lowercase, NFC, NFD, "
            "NFKC, NFKD and Sequence",
            place, type);
    }
    require<FormatError>(steps_.size() <= kMaxSteps, "{}: more than {} steps", place, kMaxSteps);
    fields.finish();
}

std::u32string Normalizer::apply(Step step, std::u32string_view text) {
    switch (step) {
        case Step::clean:
            return cleaned(text);
        case Step::chinese:
            return with_spaces_around_chinese(text);
        case Step::nfc:
            return normalize(text, NormalForm::nfc);
        case Step::nfd:
            return normalize(text, NormalForm::nfd);
        case Step::nfkc:
            return normalize(text, NormalForm::nfkc);
        case Step::nfkd:
            return normalize(text, NormalForm::nfkd);
        case Step::strip_accents:
            return without_accents(text);
        case Step::lowercase:
            break;
    }
    return lowercase(text);
}

std::u32string Normalizer::apply(std::u32string_view text) const {
    std::u32string result(text);
    for (const Step step : steps_) result = apply(step, result);
    return result;
}

std::string Normalizer::apply(std::string_view utf8) const {
    return to_utf8(apply(code_points(utf8)));
}

}  // namespace polyformer::model
