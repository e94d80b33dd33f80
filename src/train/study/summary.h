// What the seeds of each variant of a study reached together.
#pragma once

#include <nlohmann/json.hpp>

namespace polyformer::train {

/// Writes into every variant of `study` (format "polyformer-study") a "summary" of its runs, replacing one that is
/// there:
///   {"STAGE": {"perplexity": {"mean", "deviation", "count", "diverged"}, "split": "test" or "validation"}, ...}
/// `count` runs have a finite perplexity at the stage, on the test text when all of those have one there, else on the
/// validation text; mean and sample standard deviation (n−1; null for a single run) are of these alone, the mean null
/// when there are none. `diverged` counts the runs that diverged before they reached a perplexity at the stage, and
/// those that completed with a perplexity there that is recorded but null, not finite; a stage with neither
/// "test_perplexity" nor "validation_perplexity" was not judged and counts for nothing. Throws FormatError as
/// check_study() does.
void summarise(nlohmann::ordered_json& study);

}  // namespace polyformer::train
