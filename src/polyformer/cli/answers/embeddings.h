// Vectors, their lengths and cosines.
#pragma once

#include "polyformer/cli/answers/text_answer.h"

namespace polyformer::cli {

/// Of length 1 where the model says so.
ShownAnswer show_embeddings(const AnswerSource& source);

}  // namespace polyformer::cli
