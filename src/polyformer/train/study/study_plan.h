// The stages of a study, each once, in an order in which every stage comes after its parent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/study/study_config.h"

namespace polyformer::train {

/// In a stage's folder: why its last attempt failed.
inline constexpr const char* failure_file = "failure.txt";

/// One stage of a study, whichever variants need it.
struct StudyStage {
    std::filesystem::path folder;  ///< named by the stage and the digest of its recipe
    StageRequest request;
    double work = 0;           ///< tokens or images that gradient descent reads, for the progress bar
    bool interpreter = false;  ///< the exact interpreter measures its model as well
};

/// One variant with one seed: indices into the stages, in order.
struct StudyRun {
    std::size_t variant = 0;
    std::uint64_t seed = 1;
    std::vector<std::size_t> stages;
};

/// All stages of a study, and the way of each variant through them.
struct StudyPlan {
    std::vector<StudyStage> stages;
    std::vector<StudyRun> runs;
};

/// Where the texts of a configuration lie under `work`, or its images: variants with one vocabulary, or one size of
/// images, share them.
std::filesystem::path prepared_folder(const std::filesystem::path& work, const Config& config);

/// The texts or images must be prepared. `precision` is that of gradient descent. Creates nothing.
StudyPlan plan_study(const StudyConfig& study, const std::filesystem::path& work,
                     const std::string& precision = "float32");

}  // namespace polyformer::train
