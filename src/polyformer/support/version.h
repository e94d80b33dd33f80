// Which Polyformer this is. The number stands in the top CMakeLists.txt alone.
#pragma once

#include <string_view>

namespace polyformer {

/// Version of the library, "MAJOR.MINOR.PATCH". Before 1.0 a new MINOR may change interfaces and file formats.
std::string_view version();

}  // namespace polyformer
