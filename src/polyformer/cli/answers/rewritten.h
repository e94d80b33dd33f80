// A masked language model's reading of a text, place by place.
#pragma once

#include "polyformer/cli/answers/text_answer.h"

namespace polyformer::cli {

/// The most likely token at each place of each text, and those that differ from the text's own. Throws Error when rows
/// and tokens do not fit each other.
ShownAnswer show_rewritten(const AnswerSource& source);

}  // namespace polyformer::cli
