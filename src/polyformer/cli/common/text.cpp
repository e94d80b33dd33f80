#include "polyformer/cli/common/text.h"

#include "polyformer/model/language/corpus.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::cli {

namespace {

constexpr std::size_t kLargestText = std::size_t{1} << 24;

/// What messages call it.
std::string name_of(const TextSource& source) {
    if (!source.file) return "the text";
    return *source.file == "-" ? "standard input" : "'" + *source.file + "'";
}

std::vector<std::int32_t> ids_of_text(const TextSource& source, const model::Tokenizer& tokenizer) {
    if (source.file) {
        const std::string file = *source.file == "-" ? "/dev/stdin" : *source.file;
        return model::prompt_ids(read_file(file, kLargestText), name_of(source), tokenizer);
    }
    try {
        return model::prompt_ids(*source.text, name_of(source), tokenizer);
    } catch (const FormatError& error) {
        throw Error(error.what());  // what the command was given is no file
    }
}

}  // namespace

Tokens read_tokens(const TextSource& source, const std::optional<model::Tokenizer>& tokenizer, std::size_t context) {
    const int sources = int{source.text.has_value()} + int{source.file.has_value()} + int{!source.ids.empty()};
    require(sources == 1, "give the text with --text, --text-file or --token-ids, one of them (found {})", sources);
    Tokens tokens{.ids = source.ids};
    if (tokens.ids.empty()) {
        require(tokenizer.has_value(), "the model has no tokenizer.model: give --token-ids instead of a text");
        tokens.ids = ids_of_text(source, *tokenizer);
    }
    if (tokens.ids.size() <= context) return tokens;
    tokens.left_out = tokens.ids.size() - context;
    require(source.context_end,
            "{} has {} tokens, more than the model's context of {}: shorten the text by about {} words, or take its "
            "end with --context-end",
            name_of(source), tokens.ids.size(), context, tokens.left_out * 3 / 4 + 1);
    tokens.ids.erase(tokens.ids.begin(), tokens.ids.begin() + static_cast<std::ptrdiff_t>(tokens.left_out));
    return tokens;
}

std::optional<model::Tokenizer> find_tokenizer(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "tokenizer.model";
    if (!std::filesystem::exists(file)) {
        require<FormatError>(!is_listed(folder, "tokenizer.model"),
                             "'{}' is missing, which the folder was made with: copy it again", file.string());
        return std::nullopt;
    }
    return model::Tokenizer(file);
}

}  // namespace polyformer::cli
