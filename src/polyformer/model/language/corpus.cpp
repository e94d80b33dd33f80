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
constexpr std::size_t longest_line = std::size_t{1} << 24;
// Lines whose tokens are found together, by one thread and by all: enough of them to share the work out evenly.
constexpr std::size_t lines_a_chunk = 32;
constexpr std::size_t lines_a_batch = std::size_t{1} << 14;
constexpr std::size_t text_a_batch = std::size_t{1} << 20;

std::string trimmed(std::string_view line) {
    const std::size_t first = line.find_first_not_of(" \t\r");
    const std::size_t last = line.find_last_not_of(" \t\r");
    return first == std::string_view::npos ? std::string() : std::string(line.substr(first, last - first + 1));
}

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

void for_each_line(const std::filesystem::path& file, const std::function<void(const std::string&)>& use) {
    std::ifstream stream(file, std::ios::binary);
    require<IoError>(stream.good() && std::filesystem::is_regular_file(file), "{}: cannot be opened for reading",
                     file.string());
    std::string block(block_bytes, '\0');
    std::string begun;  // a line whose end the blocks so far do not hold
    std::size_t number = 1;
    while (stream) {
        stream.read(block.data(), static_cast<std::streamsize>(block.size()));
        std::string_view rest(block.data(), static_cast<std::size_t>(stream.gcount()));
        for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
            begun += rest.substr(0, end);
            use(trimmed(begun));
            begun.clear();
            ++number;
            rest.remove_prefix(end + 1);
        }
        begun += rest;
        require<FormatError>(begun.size() <= longest_line,
                             "{}: line {} has more than {} bytes: is this a text? If so, break its lines",
                             file.string(), number, longest_line);
    }
    require<IoError>(!stream.bad(), "{}: reading failed half-way", file.string());
    if (!begun.empty()) use(trimmed(begun));
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
