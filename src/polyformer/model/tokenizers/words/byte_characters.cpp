#include "polyformer/model/tokenizers/words/byte_characters.h"

#include <array>
#include <map>

#include "polyformer/model/tokenizers/words/characters.h"

namespace polyformer::model {

namespace {

std::optional<char> byte_of(char32_t character) {
    static const std::map<char32_t, char> bytes = [] {
        std::map<char32_t, char> all;
        for (int i = 0; i < 256; ++i) all[byte_character(static_cast<unsigned char>(i))] = static_cast<char>(i);
        return all;
    }();
    const auto found = bytes.find(character);
    return found == bytes.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

char32_t byte_character(unsigned char byte) {
    static const std::array<char32_t, 256> characters = [] {
        std::array<char32_t, 256> all{};
        char32_t next = 0x100;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const bool visible = (i >= '!' && i <= '~') || (i >= 0xa1 && i <= 0xff && i != 0xad);
            all[i] = visible ? static_cast<char32_t>(i) : next++;
        }
        return all;
    }();
    return characters[byte];
}

std::u32string spelt(std::u32string_view word) {
    std::u32string result;
    for (const char byte : to_utf8(word)) result.push_back(byte_character(static_cast<unsigned char>(byte)));
    return result;
}

std::optional<std::string> bytes_spelt_by(std::string_view piece) {
    std::string result;
    for (const char32_t character : code_points(piece)) {
        const std::optional<char> byte = byte_of(character);
        if (!byte) return std::nullopt;
        result.push_back(*byte);
    }
    return result;
}

std::string spelt_bytes(std::string_view piece) {
    std::string result;
    for (const char32_t character : code_points(piece)) {
        if (const std::optional<char> byte = byte_of(character)) {
            result.push_back(*byte);
        } else {
            append_utf8(result, character);
        }
    }
    return result;
}

}  // namespace polyformer::model
