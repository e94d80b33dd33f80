// What a study has found so far, gathered from the folders of its stages into one document (format in docs/studies.md).
#pragma once

#include <nlohmann/json.hpp>

#include "polyformer/train/study/study.h"
#include "polyformer/train/study/study_config.h"
#include "polyformer/train/study/study_plan.h"

namespace polyformer::train {

/// Numbers are rounded to five digits; histograms and error curves are kept for each variant's first seed only.
nlohmann::ordered_json collect_results(const StudyConfig& study, const StudyPlan& plan, const StudyOptions& options);

}  // namespace polyformer::train
