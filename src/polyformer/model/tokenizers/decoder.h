// Tokens back to text: the "decoder" of a tokenizer.json.
#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "polyformer/model/tokenizers/words/pattern.h"

namespace polyformer::model {

/// Steps in their order, each changing the pieces that the one before left; what is left in the end is put in a row.
class Decoder {
  public:
    Decoder() = default;
    /// `document` is null, or what a tokenizer.json has under "decoder": BPEDecoder, ByteFallback, ByteLevel, Fuse,
    /// Metaspace, Replace, Strip, WordPiece, or a Sequence of them. Throws FormatError naming `place` and what is asked
    /// for beyond that.
    Decoder(const nlohmann::json& document, const std::string& place);

    /// Whether the file has none.
    bool empty() const { return steps_.empty(); }
    /// Whether it makes spaces of what pieces have for them.
    bool writes_spaces() const;
    /// Bytes that are no UTF-8 become U+FFFD. Throws Error when a regular expression takes too long.
    std::string decode(std::vector<std::string> pieces) const;
    /// One piece as text for readers: spaces and bytes as they are, nothing stripped.
    std::string shown(std::string_view piece) const;

  private:
    struct ByteLevel {};     ///< pieces spell bytes
    struct ByteFallback {};  ///< "<0x41>" is a byte
    struct Fuse {};          ///< all pieces become one
    struct Metaspace {
        char32_t sign = U'\u2581';
        bool strips_first = true;  ///< the one that the text begins with was put there
    };
    struct Replace {
        std::shared_ptr<const Pattern> pattern;
        std::u32string content;
    };
    struct Strip {
        char32_t character = U' ';
        std::size_t start = 0;  ///< at most so many at either end
        std::size_t stop = 0;
    };
    struct WordPiece {
        std::string prefix = "##";
        bool cleanup = true;
    };
    struct WordEnds {
        std::string suffix = "</w>";
    };
    using Step = std::variant<ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip, WordPiece, WordEnds>;
    using Pieces = std::vector<std::string>;

    void read(const nlohmann::json& document, const std::string& place);
    static Pieces applied(const ByteLevel& step, const Pieces& pieces);
    static Pieces applied(const ByteFallback& step, const Pieces& pieces);
    static Pieces applied(const Fuse& step, const Pieces& pieces);
    static Pieces applied(const Metaspace& step, const Pieces& pieces);
    static Pieces applied(const Replace& step, const Pieces& pieces);
    static Pieces applied(const Strip& step, const Pieces& pieces);
    static Pieces applied(const WordPiece& step, const Pieces& pieces);
    static Pieces applied(const WordEnds& step, const Pieces& pieces);

    std::vector<Step> steps_;
};

}  // namespace polyformer::model
