#include "model/corpus.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "support/error.h"

namespace polyformer::model {

std::filesystem::path corpus_file(const std::filesystem::path& directory, const std::string& split) {
    constexpr std::array<const char*, 3> splits = {"train", "valid", "test"};
    require(std::find(splits.begin(), splits.end(), split) != splits.end(),
            "unknown split '{}': choose train, valid or test", split);
    std::filesystem::path file = directory / ("wiki." + split + ".tokens");
    require<IoError>(std::filesystem::is_regular_file(file),
                     "{} is missing: fetch WikiText-2 or WikiText-103 (\"The WikiText Long Term Dependency Language "
                     "Modeling Dataset\" by Merity et al., the word-level version) and name the folder that holds "
                     "wiki.train.tokens, wiki.valid.tokens and wiki.test.tokens with --data",
                     file.string());
    return file;
}

void for_each_line(const std::filesystem::path& file, const std::function<void(const std::string&)>& use) {
    std::ifstream stream(file);
    require<IoError>(stream.good(), "{}: cannot be opened for reading", file.string());
    for (std::string line; std::getline(stream, line);) {
        const std::size_t first = line.find_first_not_of(" \t\r");
        const std::size_t last = line.find_last_not_of(" \t\r");
        use(first == std::string::npos ? std::string() : line.substr(first, last - first + 1));
    }
    require<IoError>(!stream.bad(), "{}: reading failed half-way", file.string());
}

TokenizedText tokenize_file(const std::filesystem::path& file, const Tokenizer& tokenizer) {
    TokenizedText text;
    const std::vector<std::int32_t> newline = tokenizer.encode("\n");
    require<FormatError>(!newline.empty() && tokenizer.piece(newline.back()) == "\n",
                         "the tokenizer has no piece for a newline, which ends every line of {}: train it with "
                         "'polyformer train'",
                         file.string());
    text.end_of_line = newline.back();
    for_each_line(file, [&](const std::string& line) {
        const std::vector<std::int32_t> ids = tokenizer.encode(line);
        text.ids.insert(text.ids.end(), ids.begin(), ids.end());
        text.ids.push_back(text.end_of_line);
        bool inside = false;
        for (const char c : line) {
            if (c != ' ' && !inside) ++text.words;
            inside = c != ' ';
        }
        ++text.words;
    });
    return text;
}

}  // namespace polyformer::model
