#include "polyformer/train/data/prepared_text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "polyformer/support/error.h"
#include "polyformer/support/system/mapped_file.h"

namespace polyformer::train {
namespace {

// Header, 32-bit ids, trailer; all little-endian. What is known only once the last token is written follows it.
// To be raised, too, whenever the same text and tokenizer give other tokens or words: by another normaliser, for one.
constexpr std::string_view magic = "PFTEXT03";

struct Header {
    std::array<char, 8> magic{};
    std::array<char, 64> source_digest{};  // zeros when not known
    std::array<char, 64> tokenizer_digest{};
    std::uint64_t vocabulary = 0;
    std::uint64_t end_of_line = 0;
};

struct Trailer {
    std::uint64_t words = 0;
    std::uint64_t tokens = 0;
};

constexpr std::size_t outside_ids = sizeof(Header) + sizeof(Trailer);
static_assert(sizeof(Header) == 8 + 2 * 64 + 2 * 8 && sizeof(Header) % alignof(std::int32_t) == 0);

void put_digest(const std::string& digest, std::array<char, 64>& field) {
    require(digest.empty() || digest.size() == field.size(), "a digest has {} digits, not {}", field.size(),
            digest.size());
    std::copy(digest.begin(), digest.end(), field.begin());
}

std::string get_digest(const std::array<char, 64>& field) {
    return field[0] == '\0' ? std::string() : std::string(field.begin(), field.end());
}

Header header_of(const PreparedText& text) {
    Header header{.vocabulary = text.vocabulary, .end_of_line = static_cast<std::uint64_t>(text.end_of_line)};
    std::copy(magic.begin(), magic.end(), header.magic.begin());
    put_digest(text.source_digest, header.source_digest);
    put_digest(text.tokenizer_digest, header.tokenizer_digest);
    return header;
}

}  // namespace

PreparedTextWriter::PreparedTextWriter(const PreparedText& about, const std::filesystem::path& file) : out_(file) {
    const Header header = header_of(about);
    out_.write(std::as_bytes(std::span(&header, 1)));
}

void PreparedTextWriter::write(std::span<const std::int32_t> ids) {
    out_.write(std::as_bytes(ids));
    tokens_ += ids.size();
}

void PreparedTextWriter::commit(std::size_t words) {
    const Trailer trailer{.words = words, .tokens = tokens_};
    out_.write(std::as_bytes(std::span(&trailer, 1)));
    out_.commit();
}

void save_text(const PreparedText& text, const std::filesystem::path& file) {
    PreparedTextWriter writer(text, file);
    writer.write(text.ids);
    writer.commit(text.words);
}

PreparedText load_text(const std::filesystem::path& file) {
    const auto mapping = std::make_shared<const MappedFile>(file);
    const std::span<const std::byte> bytes = mapping->bytes();
    Header header;
    Trailer trailer;
    if (bytes.size() >= outside_ids) {
        std::memcpy(&header, bytes.data(), sizeof(header));
        std::memcpy(&trailer, bytes.data() + bytes.size() - sizeof(trailer), sizeof(trailer));
    }
    require<FormatError>(std::string_view(header.magic.data(), header.magic.size()) == magic,
                         "{} is no prepared text of this version: delete it, and 'polyformer train' makes it anew",
                         file.string());
    const std::size_t id_bytes = bytes.size() - outside_ids;
    require<FormatError>(
        id_bytes % sizeof(std::int32_t) == 0 && id_bytes / sizeof(std::int32_t) == trailer.tokens &&
            header.end_of_line < header.vocabulary && header.vocabulary <= std::uint64_t{1} << 31,
        "{} promises {} tokens, a vocabulary of {} and the line end {}, but has {} bytes: delete it, and 'polyformer "
        "train' makes it anew",
        file.string(), trailer.tokens, header.vocabulary, header.end_of_line, bytes.size());
    PreparedText text{.vocabulary = header.vocabulary,
                      .words = trailer.words,
                      .end_of_line = static_cast<std::int32_t>(header.end_of_line),
                      .source_digest = get_digest(header.source_digest),
                      .tokenizer_digest = get_digest(header.tokenizer_digest),
                      .ids = {reinterpret_cast<const std::int32_t*>(bytes.data() + sizeof(Header)), trailer.tokens},
                      .owner = mapping};
    const auto foreign = std::find_if(text.ids.begin(), text.ids.end(), [&](std::int32_t id) {
        return id < 0 || static_cast<std::uint64_t>(id) >= header.vocabulary;
    });
    require<FormatError>(foreign == text.ids.end(),
                         "{}: token {} is {}, outside the vocabulary of {}: delete the file, and 'polyformer train' "
                         "makes it anew",
                         file.string(), foreign - text.ids.begin(), foreign == text.ids.end() ? 0 : *foreign,
                         header.vocabulary);
    return text;
}

}  // namespace polyformer::train
