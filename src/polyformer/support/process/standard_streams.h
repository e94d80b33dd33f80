// Standard output and standard error, written to so that a full or closed one never ends the work.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "polyformer/support/text.h"

namespace polyformer {

/// Gives the standard descriptors that the process was started without (as by `>&-`) a place in which every access
/// fails, so that no file that is opened later becomes standard error. Makes writing to a pipe that nobody reads and
/// beyond the greatest size of a file an error rather than the end of the process. For main(), before anything else.
void prepare_standard_streams();

/// Writes what is for people to standard output, or nowhere while that is reserved. Never throws: a failure shows in
/// finish_standard_output().
void write_to_stdout(std::string_view text) noexcept;
/// The same for machines, reserved or not.
void write_results_to_stdout(std::string_view text) noexcept;
/// From now on standard output is for the results that machines read: what is for people is left out.
void reserve_stdout_for_results() noexcept;
/// Writes to standard error; what it does not take is lost.
void write_to_stderr(std::string_view text) noexcept;

/// Flushes standard output. Throws IoError unless all that was written has been taken.
void finish_standard_output();

/// fmt::print() for write_to_stdout(). Names of files, tokens and steps are others' bytes: all is shown as printable()
/// has it, newlines kept.
template <class... Args>
void to_stdout(fmt::format_string<Args...> format, Args&&... args) {
    write_to_stdout(printable(fmt::format(format, std::forward<Args>(args)...), Newlines::kept));
}

/// The same for write_to_stderr().
template <class... Args>
void to_stderr(fmt::format_string<Args...> format, Args&&... args) {
    write_to_stderr(printable(fmt::format(format, std::forward<Args>(args)...), Newlines::kept));
}

}  // namespace polyformer
