// How polyformer-train tells the program that started it what became of a stage. All but the last are the exit codes of
// `polyformer` (cli/common/exit_codes.h), so that a failure of the trainer's is one of the command's.
#pragma once

namespace polyformer::train {

inline constexpr int trainer_complete = 0;
inline constexpr int trainer_crashed = 1;      ///< a bug, or no memory left; messages are on standard error
inline constexpr int trainer_bad_input = 2;    ///< Error
inline constexpr int trainer_io_error = 3;     ///< IoError
inline constexpr int trainer_bad_file = 4;     ///< FormatError
inline constexpr int trainer_interrupted = 5;  ///< a checkpoint is saved; the same command goes on
inline constexpr int trainer_diverged = 6;     ///< noted in results.json

}  // namespace polyformer::train
