// Runs a study: every stage of every variant once, shared where recipes agree, resumed where it was interrupted.
#pragma once

#include <cstddef>
#include <filesystem>

#include "polyformer/train/process/trainer_process.h"

namespace polyformer::train {

/// How to run a study, and in which folders.
struct StudyOptions {
    std::filesystem::path config;  ///< see study_config.h
    std::filesystem::path data;    ///< folder of the texts or the images, those for testing included
    std::filesystem::path
        work;  ///< texts/DIGEST or images/SIZE, stages/NAME-DIGEST: kept, so that another study finds them
    std::filesystem::path out;  ///< gets study.json and report.html, anew after every stage
    std::string command;        ///< how the program was called, for the report
    TrainerOptions trainer;     ///< of each of the trainers
    std::size_t jobs = 1;       ///< trainers at a time
    bool quiet = false;
};

/// Returns whether all is done: not when SIGINT, SIGTERM or SIGHUP came, and the same call goes on. A stage that
/// diverges or fails is reported as such and leaves out those after it, not the rest of the study; if any failed, an
/// Error at the end names them with their messages, and the same call tries them again. Throws IoError when another run
/// works in `work`.
bool run_study(const StudyOptions& options);

}  // namespace polyformer::train
