#include "polyformer/model/language/corpus.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::model {
namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20;
// Lines whose tokens are found together, by one thread and by all: enough of them to share the work out evenly.
constexpr std::size_t lines_a_chunk = 32;
constexpr std::size_t lines_a_batch = std::size_t{1} << 14;
constexpr std::size_t text_a_batch = std::size_t{1} << 20;

std::size_t count_words(const std::string& line) {
    std::size_t words = 0;
    bool inside = false;
    for (const char c : line) {
        if (c != ' ' && !inside) ++words;
        inside = c != ' ';
    }
    return words;
}

}  // namespace

std::vector<std::string> corpus_names(const std::string& split) {
    constexpr std::array<const char*, 3> splits = {"train", "valid", "test"};
    require(std::find(splits.begin(), splits.end(), split) != splits.end(),
            "unknown split '{}': choose train, valid or test", split);
    return {"wiki." + split + ".tokens", "wiki." + split + ".raw", split + ".txt"};
}

std::optional<std::filesystem::path> find_corpus_file(const std::filesystem::path& directory,
                                                      const std::string& split) {
    for (const std::string& name : corpus_names(split)) {
        std::error_code unreadable;  // the same as not there
        if (std::filesystem::is_regular_file(directory / name, unreadable)) return directory / name;
    }
    return std::nullopt;
}

std::filesystem::path corpus_file(const std::filesystem::path& directory, const std::string& split) {
    const auto file = find_corpus_file(directory, split);
    if (file) return *file;
    const std::vector<std::string> names = corpus_names(split);
    fail<IoError>(
        "'{}' holds none of {}, {} and {}: fetch WikiText with 'polyformer data wikitext-2', or name with --data the "
        "folder that holds the text",
        directory.string(), names[0], names[1], names[2]);
}

void for_each_line(const std::filesystem::path& file, const UseLine& use) {
    std::ifstream stream(file, std::ios::binary);
    require<IoError>(stream.good() && !std::filesystem::is_directory(file), "'{}': cannot be opened for reading",
                     file.string());
    LineReader reader("'" + file.string() + "'", use);
    std::string block(block_bytes, '\0');
    while (stream) {
        stream.read(block.data(), static_cast<std::streamsize>(block.size()));
        reader.add(std::string_view(block).substr(0, static_cast<std::size_t>(stream.gcount())));
    }
    require<IoError>(!stream.bad(), "'{}': reading failed half-way", file.string());
    reader.finish();
}

std::int32_t end_of_line_token(const Tokenizer& tokenizer) {
    const std::vector<std::int32_t> newline = tokenizer.encode("\n");
    require<FormatError>(!newline.empty() && tokenizer.piece(newline.back()) == "\n",
                         "the tokenizer has no piece for a newline, which ends every line of a text: train it with "
                         "'polyformer train'");
    return newline.back();
}

TextCounts tokenize(const std::filesystem::path& file, const Tokenizer& tokenizer, const UseTokens& use) {
    const std::int32_t end_of_line = end_of_line_token(tokenizer);
    std::error_code unreadable;  // for_each_line() says so
    const std::uintmax_t file_bytes = std::filesystem::file_size(file, unreadable);
    TextCounts counts;
    std::vector<std::string> lines;
    std::size_t bytes = 0;
    std::size_t bytes_done = 0;
    const auto finish_batch = [&] {
        struct Chunk {
            std::vector<std::int32_t> ids;
            std::size_t words = 0;
        };
        std::vector<Chunk> chunks((lines.size() + lines_a_chunk - 1) / lines_a_chunk);
        parallel_for(chunks.size(), [&](std::size_t c) {
            Chunk& chunk = chunks[c];
            const std::size_t end = std::min(lines.size(), (c + 1) * lines_a_chunk);
            for (std::size_t i = c * lines_a_chunk; i < end; ++i) {
                const std::vector<std::int32_t> ids = tokenizer.encode(lines[i]);
                chunk.ids.insert(chunk.ids.end(), ids.begin(), ids.end());
                chunk.ids.push_back(end_of_line);
                chunk.words += count_words(lines[i]) + 1;
            }
        });
        bytes_done += bytes;
        const double done = static_cast<double>(bytes_done) / static_cast<double>(file_bytes);
        for (const Chunk& chunk : chunks) {
            counts.tokens += chunk.ids.size();
            counts.words += chunk.words;
            use(chunk.ids, std::min(done, 1.0));
        }
        lines.clear();
        bytes = 0;
    };
    for_each_line(file, [&](const std::string& line) {
        lines.push_back(line);
        bytes += line.size() + 1;
        if (bytes >= text_a_batch || lines.size() >= lines_a_batch) finish_batch();
    });
    finish_batch();
    return counts;
}

std::vector<std::int32_t> prompt_ids(std::string_view text, const std::string& name, const Tokenizer& tokenizer) {
    std::vector<std::int32_t> ids;
    std::optional<std::int32_t> end_of_line;
    std::size_t lines = 0;
    bool words = false;
    for_each_line_of(text, name, [&](const std::string& line) {
        if (lines++ > 0) {
            if (!end_of_line) end_of_line = end_of_line_token(tokenizer);
            ids.push_back(*end_of_line);
        }
        words = words || !line.empty();
        const std::vector<std::int32_t> pieces = tokenizer.encode(line);
        ids.insert(ids.end(), pieces.begin(), pieces.end());
    });
    require(words, "{} has no words: give at least one", name);
    return ids;
}

TokenizedText tokenize_file(const std::filesystem::path& file, const Tokenizer& tokenizer) {
    TokenizedText text;
    text.end_of_line = end_of_line_token(tokenizer);
    const TextCounts counts = tokenize(file, tokenizer, [&](std::span<const std::int32_t> ids, double) {
        text.ids.insert(text.ids.end(), ids.begin(), ids.end());
    });
    text.words = counts.words;
    return text;
}

}  // namespace polyformer::model
