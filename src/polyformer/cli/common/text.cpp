#include "polyformer/cli/common/text.h"

#include <sstream>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::cli {

namespace {

constexpr std::size_t kLargestText = std::size_t{1} << 24;

std::vector<std::int32_t> tokenize(const std::string& text, const model::Tokenizer& tokenizer) {
    const std::vector<std::int32_t> newline = tokenizer.encode("\n");
    std::istringstream lines(text);
    std::vector<std::int32_t> ids;
    bool first = true;
    for (std::string line; std::getline(lines, line); first = false) {
        if (!first && !newline.empty()) ids.push_back(newline.back());
        const std::vector<std::int32_t> pieces = tokenizer.encode(line);
        ids.insert(ids.end(), pieces.begin(), pieces.end());
    }
    return ids;
}

}  // namespace

std::vector<std::int32_t> read_tokens(const TextSource& source, const std::optional<model::Tokenizer>& tokenizer,
                                      std::size_t context) {
    const int sources = int{!source.text.empty()} + int{!source.file.empty()} + int{!source.ids.empty()};
    require(sources == 1, "give the text with --text, --text-file or --token-ids, one of them (found {})", sources);
    std::vector<std::int32_t> ids = source.ids;
    if (ids.empty()) {
        require(tokenizer.has_value(), "the model has no tokenizer.model: give --token-ids instead of a text");
        ids = tokenize(source.file.empty() ? source.text : read_file(source.file, kLargestText), *tokenizer);
    }
    const std::string place = source.file.empty() ? "the text" : "'" + source.file + "'";
    require(!ids.empty(), "{} has no words: give at least one", place);
    require(ids.size() <= context,
            "{} has {} tokens, more than the model's context of {}: shorten the text by about {} words", place,
            ids.size(), context, (ids.size() - context) * 3 / 4 + 1);
    return ids;
}

std::optional<model::Tokenizer> find_tokenizer(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "tokenizer.model";
    if (!std::filesystem::exists(file)) return std::nullopt;
    return model::Tokenizer(file);
}

}  // namespace polyformer::cli
