// The best documents of an index.
#pragma once

#include "polyformer/cli/answers/text_answer.h"

namespace polyformer::cli {

/// The ten best documents of each text with their scores.
ShownAnswer show_documents(const AnswerSource& source);

}  // namespace polyformer::cli
