// Exit codes of all programs, as the manual lists them.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <functional>

#include "polyformer/support/error.h"

namespace polyformer::cli {

enum class ExitCode : int {
    success = 0,
    internal_error = 1,  ///< a bug in Polyformer, or no memory left
    bad_input = 2,       ///< an argument or a value that cannot be used
    io_error = 3,        ///< a file that cannot be read or written
    damaged_file = 4,    ///< a file that is damaged, foreign or made for something else
    unfinished = 5,      ///< interrupted; the same command goes on from its checkpoint
};

/// Runs `body`, prints what it throws as "error: ..." and returns its exit code.
inline int guarded(const std::function<int()>& body) {
    const auto report = [](const std::exception& error, ExitCode code) {
        fmt::print(stderr, "error: {}\n", error.what());
        return static_cast<int>(code);
    };
    try {
        return body();
    } catch (const FormatError& error) {
        return report(error, ExitCode::damaged_file);
    } catch (const IoError& error) {
        return report(error, ExitCode::io_error);
    } catch (const Error& error) {
        return report(error, ExitCode::bad_input);
    } catch (const std::bad_alloc&) {
        fmt::print(stderr, "error: not enough memory; `polyformer plan` says how much a run takes\n");
        return static_cast<int>(ExitCode::internal_error);
    } catch (const std::exception& error) {
        return report(error, ExitCode::internal_error);
    }
}

}  // namespace polyformer::cli
