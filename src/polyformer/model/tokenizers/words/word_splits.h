// Ways to find words in a text that need no regular expression, each as Hugging Face's library does it. None of the
// words is empty.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/tokenizers/words/pattern.h"

namespace polyformer::model {

/// What becomes of the separators that a pattern finds.
enum class SplitBehaviour { removed, isolated, merged_with_previous, merged_with_next, contiguous };

std::vector<std::u32string> arranged(const std::vector<PatternPart>& parts, SplitBehaviour behaviour);

/// What lies between white space.
std::vector<std::u32string> split_at_white_space(std::u32string_view text);
/// The same, and each punctuation mark is a word.
std::vector<std::u32string> split_as_bert(std::u32string_view text);
/// Punctuation marks as separators.
std::vector<std::u32string> split_at_punctuation(std::u32string_view text, SplitBehaviour behaviour);
/// Runs of word characters and runs of what is neither that nor white space: `\w+|[^\w\s]+`
std::vector<std::u32string> split_at_word_ends(std::u32string_view text);
/// Numbers, each a word or all in a row one.
std::vector<std::u32string> split_at_numbers(std::u32string_view text, bool single);
/// GPT-2's pattern: words with the space before them.
std::vector<std::u32string> split_as_gpt2(std::u32string_view text);

}  // namespace polyformer::model
