// Exit codes of all programs, as the manual lists them, and the frame in which every program runs.
#pragma once

#include <functional>

namespace polyformer::cli {

enum class ExitCode : int {
    success = 0,
    internal_error = 1,  ///< a bug in Polyformer, or no memory left
    bad_input = 2,       ///< an argument or a value that cannot be used
    io_error = 3,        ///< a file that cannot be read or written
    damaged_file = 4,    ///< a file that is damaged, foreign or made for something else
    unfinished = 5,      ///< interrupted; the same command goes on from its checkpoint
    invalid_answer = 6,  ///< all was computed, but the answer means nothing: not finite, or beyond the model's bounds
};

/// All of a main(): prepares standard streams and signals, runs `body`, prints what it throws as "error: ..." and
/// returns its exit code, or io_error when standard output did not take everything.
int guarded(const std::function<int()>& body);

}  // namespace polyformer::cli
