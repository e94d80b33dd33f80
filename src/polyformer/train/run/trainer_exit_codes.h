// How polyformer-train tells the program that started it what became of a stage. They are between these two alone:
// people see the exit codes of `polyformer` (cli/common/exit_codes.h), which say other things.
#pragma once

namespace polyformer::train {

inline constexpr int trainer_complete = 0;
inline constexpr int trainer_failed = 1;       ///< the message is on standard error
inline constexpr int trainer_interrupted = 3;  ///< a checkpoint is saved; the same command goes on
inline constexpr int trainer_diverged = 4;     ///< noted in results.json, the message is on standard error

}  // namespace polyformer::train
