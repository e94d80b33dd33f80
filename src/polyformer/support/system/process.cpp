#include "polyformer/support/system/process.h"

#include <sys/resource.h>

namespace polyformer {

namespace {

rusage usage_of_this_process() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage;
}

}  // namespace

std::size_t peak_resident_bytes() {
    return static_cast<std::size_t>(usage_of_this_process().ru_maxrss) * 1024;
}

std::size_t minor_page_faults() {
    return static_cast<std::size_t>(usage_of_this_process().ru_minflt);
}

double processor_seconds() {
    const rusage usage = usage_of_this_process();
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::filesystem::path program_beside_this(const std::string& name) {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

}  // namespace polyformer
