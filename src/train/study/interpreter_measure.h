// A stage's exported model on the whole test text, by the exact interpreter, which knows only sums and products.
#pragma once

#include <filesystem>

#include "train/study/study_plan.h"

namespace polyformer::train {

/// Writes interpreter.json into the stage's folder, unless it is there: perplexity per word and, for every polynomial,
/// its interval, what came in, and how many values fell outside. Throws Error when a logit is not finite.
void measure_by_interpreter(const StudyStage& stage, const std::filesystem::path& data, bool quiet);

}  // namespace polyformer::train
