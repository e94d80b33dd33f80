#include "polyformer/support/process/memory_limit.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include "polyformer/support/error.h"

namespace polyformer {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

std::optional<std::size_t> number_in(std::string_view text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    return value;
}

/// The number that a file of a control group holds; nothing for "max" and for a file that is not there.
std::optional<std::size_t> number_of(const fs::path& file) {
    std::ifstream stream(file);
    std::string word;
    stream >> word;
    return number_in(word);
}

/// The number behind `key` in lines such as "inactive_file 4096" or "MemAvailable:  1024 kB".
std::size_t number_behind(const fs::path& file, std::string_view key) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        std::string name;
        std::string value;
        words >> name >> value;
        if (name == key) return number_in(value).value_or(0);
    }
    return 0;
}

/// Names of files; the two versions of control groups have different ones.
struct GroupFiles {
    const char* folder;
    std::vector<const char*> limits;
    const char* used;
    const char* reclaimable;  ///< key in memory.stat of what is counted as used and given back when it is wanted
};

const GroupFiles kVersion1{
    "sys/fs/cgroup/memory", {"memory.limit_in_bytes"}, "memory.usage_in_bytes", "total_inactive_file"};
const GroupFiles kVersion2{"sys/fs/cgroup", {"memory.max", "memory.high"}, "memory.current", "inactive_file"};

std::size_t difference(std::size_t limit, std::size_t used) {
    return limit > used ? limit - used : 0;
}

void take_lesser(AvailableMemory& least, std::size_t bytes, const std::string& set_by) {
    if (bytes < least.bytes) least = {bytes, set_by};
}

/// Limits of a group and of all around it. In a container its own group may be shown as the outermost.
void add_group(AvailableMemory& least, const fs::path& root, const GroupFiles& files, fs::path group) {
    for (;; group = group.parent_path()) {
        const fs::path folder = root / files.folder / group.relative_path();
        for (const char* name : files.limits) {
            const auto limit = number_of(folder / name);
            if (!limit) continue;
            const std::size_t used = difference(number_of(folder / files.used).value_or(0),
                                                number_behind(folder / "memory.stat", files.reclaimable));
            take_lesser(least, difference(*limit, used),
                        fmt::format("{} of the control group '{}'", name, group.string()));
        }
        if (group == group.parent_path()) return;
    }
}

void add_groups(AvailableMemory& least, const fs::path& root) {
    std::ifstream stream(root / "proc/self/cgroup");
    for (std::string line; std::getline(stream, line);) {  // "0::/path", or "4:memory:/path"
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::string group = line.substr(second + 1);
        if (controllers == ",,") add_group(least, root, kVersion2, group);
        if (controllers.find(",memory,") != std::string::npos) add_group(least, root, kVersion1, group);
    }
}

void add_own_limit(AvailableMemory& least, const fs::path& root, __rlimit_resource resource, std::size_t column,
                   const char* set_by) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    std::ifstream stream(root / "proc/self/statm");  // pages: all, resident, shared, text, -, data
    std::size_t pages = 0;
    for (std::size_t i = 0; i <= column; ++i) stream >> pages;
    if (!stream) pages = 0;
    take_lesser(least, difference(limit.rlim_cur, pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))), set_by);
}

std::string in_mebibytes(std::size_t bytes) {
    return fmt::format("{} MiB", bytes >> 20);
}

}  // namespace

AvailableMemory available_memory(const fs::path& root) {
    AvailableMemory least{kUnlimited, {}};
    const std::size_t free = number_behind(root / "proc/meminfo", "MemAvailable:");
    if (free > 0) take_lesser(least, free * 1024, "the free memory of this machine");
    add_groups(least, root);
    add_own_limit(least, root, RLIMIT_AS, 0, "the limit of this process ('ulimit -v')");
    add_own_limit(least, root, RLIMIT_DATA, 5, "the limit of this process ('ulimit -d')");
    return least;
}

void require_memory(std::size_t bytes, const std::string& what, const AvailableMemory& available) {
    require(bytes <= available.bytes,
            "{} takes {} of memory, but {} leaves {}: raise that, end other programs, or take "
            "a machine with more",
            what, in_mebibytes(bytes), available.set_by, in_mebibytes(available.bytes));
}

void require_disk_space(std::size_t bytes, const fs::path& file) {
    std::error_code error;
    if (fs::exists(file, error) && !fs::is_regular_file(file, error)) return;  // a device or a pipe fills no disk
    struct statvfs status {};
    const fs::path folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
    if (::statvfs(folder.c_str(), &status) != 0) return;
    const std::size_t free = status.f_bavail * status.f_frsize;
    require<IoError>(
        bytes <= free,
        "'{}' will have {}, but its file system has room for {}: free some space, or name a file elsewhere",
        file.string(), in_mebibytes(bytes), in_mebibytes(free));
}

}  // namespace polyformer
