#include "polyformer/queries/text_source.h"

#include <algorithm>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/language/corpus.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/cancellation.h"

namespace polyformer::queries {

namespace {

constexpr std::size_t kLargestText = std::size_t{1} << 24;

/// A text and what messages call it.
struct NamedText {
    std::string text;
    std::string name;
    bool from_file = false;
};

/// All of a file, or of standard input for "-".
NamedText text_of_file(const std::string& file) {
    const bool standard = file == "-";
    return {read_file(standard ? "/dev/stdin" : file, kLargestText), standard ? "standard input" : "'" + file + "'",
            true};
}

std::vector<NamedText> texts_of(const TextSource& source) {
    if (source.file) return {text_of_file(*source.file)};
    std::vector<NamedText> texts;
    if (source.lines) {
        const NamedText whole = text_of_file(*source.lines);
        std::size_t number = 0;
        model::for_each_line_of(whole.text, whole.name, [&](const std::string& line) {
            ++number;
            if (line.find_first_not_of(" \t") == std::string::npos) return;
            texts.push_back({line, fmt::format("line {} of {}", number, whole.name), true});
        });
        require(!texts.empty(), "{} has no line with words: give at least one", whole.name);
        return texts;
    }
    for (const std::string& text : source.texts) {
        texts.push_back({text, source.texts.size() == 1 ? "the text" : fmt::format("text {}", texts.size() + 1)});
    }
    return texts;
}

/// Lines as LineReader has them, with line feeds between them.
std::string checked_text(const NamedText& text) {
    std::string whole;
    model::for_each_line_of(text.text, text.name, [&](const std::string& line) { whole += line + "\n"; });
    require(whole.find_first_not_of('\n') != std::string::npos, "{} has no words: give at least one", text.name);
    return whole.substr(0, whole.find_last_not_of('\n') + 1);
}

model::EncodedText tokens_of(const NamedText& text, const model::Tokenizer& tokenizer, const model::TextInput& input,
                             std::size_t context) {
    try {
        // Only models of this kind were trained on a token for the end of a line.
        if (input.tokenizer == model::TextInput().tokenizer) {
            return {.ids = model::prompt_ids(text.text, text.name, tokenizer)};
        }
        if (!input.adds_special_tokens()) return {.ids = tokenizer.encode(checked_text(text))};
        const std::size_t most = input.most_tokens == 0 ? model::kMaxContext : std::min(input.most_tokens, context);
        return tokenizer.encode_whole(checked_text(text), most);
    } catch (const FormatError& error) {
        if (text.from_file) throw;
        throw Error(error.what());  // what the command was given is no file
    }
}

/// Leaves out what the context has no room for.
void cut(model::EncodedText& tokens, const std::string& name, const TextSource& source, const model::TextInput& input,
         std::size_t context) {
    const std::size_t most = input.most_tokens == 0 ? context : std::min(input.most_tokens, context);
    if (tokens.ids.size() <= most) return;
    tokens.left_out = tokens.ids.size() - most;
    require(source.context_end || input.most_tokens > 0,
            "{} has {} tokens, more than the model's context of {}: shorten the text by about {} words{}", name,
            tokens.ids.size(), context, tokens.left_out * 3 / 4 + 1,
            input.adds_special_tokens() ? "" : ", or take its end with --context-end");
    const auto begin = tokens.ids.begin();
    if (source.context_end) {
        tokens.ids.erase(begin, begin + static_cast<std::ptrdiff_t>(tokens.left_out));
    } else {
        tokens.ids.resize(most);
    }
}

}  // namespace

std::vector<model::EncodedText> read_tokens(const TextSource& source, const std::optional<model::Tokenizer>& tokenizer,
                                            const model::TextInput& input, std::size_t context) {
    const int sources = int{!source.texts.empty()} + int{source.file.has_value()} + int{source.lines.has_value()} +
                        int{!source.ids.empty()};
    require(sources == 1, "give the text with --text, --text-file, --text-lines or --token-ids, one of them (found {})",
            sources);
    std::vector<model::EncodedText> all;
    if (!source.ids.empty()) {
        all.push_back({.ids = source.ids});
        cut(all.back(), "the text", source, input, context);
        return all;
    }
    require(!source.context_end || !input.adds_special_tokens(),
            "--context-end is for models that predict the next token; this one reads a text from its beginning");
    require(tokenizer.has_value(), "the model has no {}: give --token-ids instead of a text", input.tokenizer);
    for (const NamedText& text : texts_of(source)) {
        throw_if_cancelled();
        all.push_back(tokens_of(text, *tokenizer, input, context));
        cut(all.back(), text.name, source, input, context);
    }
    return all;
}

std::optional<model::Tokenizer> find_tokenizer(const std::filesystem::path& folder, const model::TextInput& input) {
    const std::filesystem::path file = folder / input.tokenizer;
    if (!std::filesystem::exists(file)) {
        require<FormatError>(!is_listed(folder, input.tokenizer),
                             "'{}' is missing, which the folder was made with: copy it again", file.string());
        return std::nullopt;
    }
    return model::Tokenizer(file);
}

}  // namespace polyformer::queries
