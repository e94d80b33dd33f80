// The exceptions that Polyformer throws. Every message names the values, the place and the remedy.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace polyformer {

/// Base of every error that a caller can provoke by what it passes in.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A file or message that is damaged, foreign, hostile or of another version.
class FormatError : public Error {
  public:
    using Error::Error;
};

/// The operating system refused: a full disk, a missing file, no permission.
class IoError : public Error {
  public:
    using Error::Error;
};

/// Throws `E` (an Error) with a formatted message.
template <class E = Error, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
    throw E(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws `E` with a formatted message unless `condition` holds.
template <class E = Error, class... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
    if (!condition) fail<E>(format, std::forward<Args>(args)...);
}

}  // namespace polyformer
