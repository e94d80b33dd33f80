// Exceptions of libraries, in words for people.
#pragma once

#include <exception>
#include <string>

namespace polyformer {

/// What to show of an exception that is none of ours: the standard library's of files and of the system name what was
/// refused; all others are faults of the program.
std::string describe_foreign(const std::exception& error);

}  // namespace polyformer
