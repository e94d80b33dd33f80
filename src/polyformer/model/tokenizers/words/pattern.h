// What a tokenizer.json looks for in a text: another text, or a regular expression as ICU reads it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer::model {

/// A part of a text, and whether the pattern was found there.
struct PatternPart {
    std::u32string text;
    bool found = false;
};

/// Matches that do not overlap, from the left. Letters and numbers are those of the library's version of Unicode,
/// whatever ICU's is.
class Pattern {
  public:
    /// {"String": ...} or {"Regex": ...}. Throws FormatError naming `place` for what is neither, is empty or finds
    /// nothing but an empty text, and for what ICU does not take.
    Pattern(const nlohmann::json& document, const std::string& place);
    ~Pattern();
    Pattern(Pattern&&) noexcept;
    Pattern& operator=(Pattern&&) noexcept;
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;

    /// All of the text, cut at the matches. Throws Error when a regular expression takes too long.
    std::vector<PatternPart> parts_of(std::u32string_view text) const;
    /// The text with `content` instead of each match.
    std::u32string replaced(std::u32string_view text, std::u32string_view content) const;

  private:
    class Expression;

    std::u32string literal_;  ///< where there is no expression
    std::unique_ptr<const Expression> expression_;
};

}  // namespace polyformer::model
