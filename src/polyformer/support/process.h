// What this process has taken so far, and where it was started from.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace polyformer {

/// Greatest resident memory so far, in bytes.
std::size_t peak_resident_bytes();

/// Page faults so far that needed no disk: mostly memory touched for the first time.
std::size_t minor_page_faults();

/// Where the program `name` lies when it was installed together with this one: in the same folder. It need not be
/// there.
std::filesystem::path program_beside_this(const std::string& name);

}  // namespace polyformer
