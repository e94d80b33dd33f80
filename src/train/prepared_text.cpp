#include "train/prepared_text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>

#include "support/atomic_file.h"
#include "support/error.h"

namespace polyformer::train {
namespace {

// Magic, then as 64-bit little-endian numbers: vocabulary, words, end of line, source bytes, count; then 32-bit ids.
constexpr std::array<char, 8> magic = {'P', 'F', 'T', 'E', 'X', 'T', '0', '1'};
using Header = std::array<std::uint64_t, 5>;

}  // namespace

void save_text(const PreparedText& text, const std::filesystem::path& file) {
    const Header header = {text.vocabulary, text.words, static_cast<std::uint64_t>(text.end_of_line), text.source_bytes,
                           text.ids.size()};
    AtomicFile out(file);
    out.write(std::as_bytes(std::span(magic)));
    out.write(std::as_bytes(std::span(header)));
    out.write(std::as_bytes(std::span(text.ids)));
    out.commit();
}

PreparedText load_text(const std::filesystem::path& file) {
    const std::string bytes = read_file(file);
    constexpr std::size_t start = sizeof(magic) + sizeof(Header);
    require<FormatError>(bytes.size() >= start && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0,
                         "{} is no prepared text: delete it, and 'polyformer train' makes it anew", file.string());
    Header header;
    std::memcpy(header.data(), bytes.data() + sizeof(magic), sizeof(header));
    const auto [vocabulary, words, end_of_line, source_bytes, count] = header;
    require<FormatError>((bytes.size() - start) % sizeof(std::int32_t) == 0 &&
                             (bytes.size() - start) / sizeof(std::int32_t) == count && end_of_line < vocabulary &&
                             vocabulary <= std::uint64_t{1} << 31,
                         "{} promises {} tokens of a vocabulary of {} but has {} bytes: delete it, and 'polyformer "
                         "train' makes it anew",
                         file.string(), count, vocabulary, bytes.size());
    PreparedText text{.vocabulary = vocabulary,
                      .words = words,
                      .end_of_line = static_cast<std::int32_t>(end_of_line),
                      .source_bytes = source_bytes,
                      .ids = std::vector<std::int32_t>(count)};
    std::memcpy(text.ids.data(), bytes.data() + start, bytes.size() - start);
    for (const std::int32_t id : text.ids) {
        require<FormatError>(id >= 0 && static_cast<std::uint64_t>(id) < vocabulary,
                             "{}: token {} is outside the vocabulary of {}: delete the file, and 'polyformer train' "
                             "makes it anew",
                             file.string(), id, vocabulary);
    }
    return text;
}

}  // namespace polyformer::train
