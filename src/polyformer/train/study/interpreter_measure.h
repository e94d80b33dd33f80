// A stage's exported model on the whole test set, by the exact interpreter, which knows only sums and products.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "polyformer/train/study/study_plan.h"

namespace polyformer::train {

/// Writes interpreter.json into the stage's folder, unless it is there, of this model and test set: perplexity per word
/// of a language model, or accuracy, that of the five likeliest classes (both in percent) and exp of the mean
/// cross-entropy of an image model; and, for every polynomial, its interval, what came in, and how many values fell
/// outside. On all threads; `data` is the folder of the texts or images. Throws Error when a logit is not finite;
/// Interrupted. A signal that comes meanwhile ends the process (EndAtOnce).
void measure_by_interpreter(const StudyStage& stage, const std::filesystem::path& data, bool quiet);

/// What interpreter.json holds of the stage's test set; an empty object when it has not been measured on that.
nlohmann::ordered_json measured_by_interpreter(const StudyStage& stage);

}  // namespace polyformer::train
