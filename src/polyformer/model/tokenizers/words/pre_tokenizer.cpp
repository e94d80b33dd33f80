#include "polyformer/model/tokenizers/words/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "polyformer/model/tokenizers/words/byte_characters.h"
#include "polyformer/model/tokenizers/words/characters.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kMaxSteps = 16;

SplitBehaviour read_behaviour(Fields& fields, std::string name) {
    static constexpr std::array<const char*, 5> names = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                                         "Contiguous"};
    fields.choose("behavior", name, names);
    return static_cast<SplitBehaviour>(std::ranges::find(names, name) - names.begin());
}

}  // namespace

PreTokenizer::PreTokenizer(const nlohmann::json& document, const std::string& place) {
    if (!document.is_null()) read(document, place);
}

void PreTokenizer::read(const nlohmann::json& document, const std::string& place) {
    Fields fields(document, place);
    const std::string type = fields.text("type");
    if (type == "BertPreTokenizer") {
        steps_.emplace_back(Simple::bert);
    } else if (type == "WhitespaceSplit") {
        steps_.emplace_back(Simple::white_space);
    } else if (type == "Whitespace") {
        steps_.emplace_back(Simple::word_ends);
    } else if (type == "Digits") {
        Digits step;
        fields.read("individual_digits", step.single);
        steps_.emplace_back(step);
    } else if (type == "Punctuation") {
        steps_.emplace_back(Punctuation{read_behaviour(fields, "Isolated")});
    } else if (type == "Split") {
        steps_.emplace_back(read_split(document, place));
        return;
    } else if (type == "Metaspace") {
        steps_.emplace_back(read_metaspace(document, place));
        return;
    } else if (type == "ByteLevel") {
        ByteLevel step;
        bool trim_offsets = true;  // of no consequence: we give no offsets
        fields.read("add_prefix_space", step.add_prefix_space);
        fields.read("use_regex", step.use_pattern);
        fields.read("trim_offsets", trim_offsets);
        steps_.emplace_back(step);
    } else if (type == "Sequence") {
        std::size_t index = 0;
        for (const nlohmann::json& part : fields.array("pretokenizers", kMaxSteps)) {
            read(part, fmt::format("{}.pretokenizers[{}]", place, index++));
        }
    } else {
        fail<FormatError>(
            "{}: the pre-tokenizer '{}' is not supported: known are BertPreTokenizer, ByteLevel, Digits, Metaspace, "
            "Punctuation, Split, Whitespace, WhitespaceSplit and Sequence",
            place, type);
    }
    require<FormatError>(steps_.size() <= kMaxSteps, "{}: more than {} steps", place, kMaxSteps);
    fields.finish();
}

PreTokenizer::Split PreTokenizer::read_split(const nlohmann::json& document, const std::string& place) {
    Fields fields(document, place);
    fields.text("type");
    require<FormatError>(fields.find("behavior") != nullptr, "{}: 'behavior' is missing", place);
    Split split;
    split.behaviour = read_behaviour(fields, "Isolated");
    fields.read("invert", split.invert);
    const nlohmann::json& pattern = fields.object("pattern");
    fields.finish();
    if (pattern == nlohmann::json{{"String", ""}} || pattern == nlohmann::json{{"Regex", ""}}) {
        // An empty match lies between characters: it parts them, and has nothing to remove or to join.
        require<FormatError>(split.behaviour != SplitBehaviour::removed || !split.invert,
                             "{}: an empty pattern, inverted, would remove the whole text", place);
        return {};
    }
    if (pattern != nlohmann::json{{"Regex", "[\\s\\S]"}}) {
        split.pattern = std::make_shared<const Pattern>(pattern, place + ".pattern");
    }
    return split;
}

PreTokenizer::Metaspace PreTokenizer::read_metaspace(const nlohmann::json& document, const std::string& place) const {
    static constexpr std::array<const char*, 3> schemes = {"always", "first", "never"};
    Fields fields(document, place);
    fields.text("type");
    Metaspace step;
    std::string sign = "\u2581";
    fields.read("replacement", sign);
    fields.find("str_rep");  // the same, in files of old versions
    require<FormatError>(is_utf8(sign) && code_points(sign).size() == 1, "{}: 'replacement' must be one character",
                         place);
    step.sign = code_points(sign).front();
    fields.read("split", step.split);
    bool add_prefix_space = true;
    fields.read("add_prefix_space", add_prefix_space);
    std::string scheme = add_prefix_space ? "always" : "never";
    fields.choose("prepend_scheme", scheme, schemes);
    step.prepend = static_cast<Metaspace::Prepend>(std::ranges::find(schemes, scheme) - schemes.begin());
    require<FormatError>(step.prepend != Metaspace::Prepend::first || steps_.empty(),
                         "{}: 'prepend_scheme' is 'first' behind other steps, which is not supported", place);
    fields.finish();
    return step;
}

PreTokenizer::Words PreTokenizer::applied(Simple step, const std::u32string& word, bool /*begins*/) {
    switch (step) {
        case Simple::bert:
            return split_as_bert(word);
        case Simple::white_space:
            return split_at_white_space(word);
        case Simple::word_ends:
            break;
    }
    return split_at_word_ends(word);
}

PreTokenizer::Words PreTokenizer::applied(const Digits& step, const std::u32string& word, bool /*begins*/) {
    return split_at_numbers(word, step.single);
}

PreTokenizer::Words PreTokenizer::applied(const Punctuation& step, const std::u32string& word, bool /*begins*/) {
    return split_at_punctuation(word, step.behaviour);
}

PreTokenizer::Words PreTokenizer::applied(const Split& step, const std::u32string& word, bool /*begins*/) {
    std::vector<PatternPart> parts;
    if (step.pattern != nullptr) {
        parts = step.pattern->parts_of(word);
    } else {
        for (const char32_t character : word) parts.push_back({std::u32string(1, character), true});
    }
    if (step.invert) {
        for (PatternPart& part : parts) part.found = !part.found;
    }
    return arranged(parts, step.behaviour);
}

PreTokenizer::Words PreTokenizer::applied(const ByteLevel& step, const std::u32string& word, bool /*begins*/) {
    const std::u32string text = step.add_prefix_space && !word.starts_with(U' ') ? U' ' + word : word;
    Words parts = step.use_pattern ? split_as_gpt2(text) : Words{text};
    for (std::u32string& part : parts) part = spelt(part);
    return parts;
}

PreTokenizer::Words PreTokenizer::applied(const Metaspace& step, const std::u32string& word, bool begins) {
    std::u32string text = word;
    std::ranges::replace(text, U' ', step.sign);
    const bool wanted =
        step.prepend == Metaspace::Prepend::always || (step.prepend == Metaspace::Prepend::first && begins);
    if (wanted && !text.starts_with(step.sign)) text.insert(text.begin(), step.sign);
    if (!step.split) return {text};
    Words words;
    for (const char32_t character : text) {
        if (character == step.sign || words.empty()) words.emplace_back();
        words.back().push_back(character);
    }
    return words;
}

std::vector<std::string> PreTokenizer::apply(std::string_view utf8, bool begins) const {
    Words words{code_points(utf8)};
    for (const Step& step : steps_) {
        Words finer;
        for (const std::u32string& word : words) {
            for (std::u32string& part :
                 std::visit([&](const auto& kind) { return applied(kind, word, begins); }, step)) {
                finer.push_back(std::move(part));
            }
        }
        words = std::move(finer);
    }
    std::vector<std::string> result;
    for (const std::u32string& word : words) {
        if (!word.empty()) result.push_back(to_utf8(word));
    }
    return result;
}

bool PreTokenizer::splits_characters() const {
    return std::ranges::any_of(steps_, [](const Step& step) {
        const auto* split = std::get_if<Split>(&step);
        return split != nullptr && split->pattern == nullptr;
    });
}

bool PreTokenizer::spells_bytes() const {
    return std::ranges::any_of(steps_, [](const Step& step) { return std::holds_alternative<ByteLevel>(step); });
}

}  // namespace polyformer::model
