// How much memory this process can still get: from the machine, its control groups, and its own limits.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace polyformer {

/// The least of all limits, less what is in use already.
struct AvailableMemory {
    std::size_t bytes = 0;
    std::string set_by;  ///< "the machine's free memory", "the control group '/batch' (memory.max)", ...
};

/// What the kernel says under `root`, and what `ulimit` has set. What cannot be read does not limit.
AvailableMemory available_memory(const std::filesystem::path& root = "/");

/// Throws Error, with both numbers and who has set the limit, unless `bytes` are available. `what` begins the message:
/// "this plan". Without a sign of how much there is, nothing is refused.
void require_memory(std::size_t bytes, const std::string& what, const AvailableMemory& available = available_memory());

/// Throws IoError, with both numbers, unless the file system of `file` has room for `bytes` more.
void require_disk_space(std::size_t bytes, const std::filesystem::path& file);

}  // namespace polyformer
