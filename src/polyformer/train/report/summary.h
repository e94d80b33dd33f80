// What the seeds of each variant of a study reached together.
#pragma once

#include <nlohmann/json.hpp>

namespace polyformer::train {

/// Writes into `study` (format "polyformer-study") its "measure", unless it names one: "accuracy" when any stage has
/// one, else "perplexity". Then into every variant a "summary" of its runs, replacing one that is there:
///   {"STAGE": {MEASURE: {"mean", "deviation", "count", "diverged"}, "split": "test" or "validation"}, ...}
/// `count` runs have a finite value of the measure at the stage, on the test set when all of those have one there, else
/// on the validation set; mean and sample standard deviation (n−1; null for a single run) are of these alone, the mean
/// null when there are none. `diverged` counts the runs that diverged before they reached a value at the stage, and
/// those that completed with a value there that is recorded but null, not finite; a stage with neither "test_MEASURE"
/// nor "validation_MEASURE" was not judged and counts for nothing. Beside "accuracy" stands "top5_accuracy", of the
/// same runs on the same split, where they have it. A study without variants is left as it is. Throws FormatError as
/// check_study() does.
void summarise(nlohmann::ordered_json& study);

}  // namespace polyformer::train
