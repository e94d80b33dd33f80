#include "polyformer/train/process/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;

constexpr auto between_tries = std::chrono::milliseconds(50);
constexpr auto before_a_word = std::chrono::seconds(1);

// Where process numbers mean the same: one boot of one machine, one namespace.
std::string this_system() {
    std::string boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    std::error_code unknown;
    return boot + " " + fs::read_symlink("/proc/self/ns/pid", unknown).string();
}

// When a process began, in the kernel's ticks; empty when it has ended, waited for or not.
std::string start_of(const std::string& process) {
    std::ifstream file("/proc/" + process + "/stat");
    std::stringstream text;
    text << file.rdbuf();
    const std::string line = text.str();
    const std::size_t name_end = line.rfind(')');  // the name before it may hold anything
    if (name_end == std::string::npos) return {};
    std::istringstream fields(line.substr(name_end + 1));
    std::vector<std::string> words;
    for (std::string word; fields >> word;) words.push_back(word);
    constexpr std::size_t start_time = 19;  // counted from the state, field 3 of proc(5)
    if (words.size() <= start_time || words[0] == "Z" || words[0] == "X") return {};
    return words[start_time];
}

// What the lock's file says of the process that took it.
struct Holder {
    std::string process;
    std::string start;
    std::string system;

    // Of a process elsewhere, nobody knows.
    bool may_live() const { return system != this_system() || start_of(process) == start; }
};

Holder read_holder(int descriptor) {
    std::array<char, 256> text{};
    const ssize_t count = pread(descriptor, text.data(), text.size(), 0);
    std::istringstream line(std::string(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0));
    Holder holder;
    line >> holder.process >> holder.start >> std::ws;
    std::getline(line, holder.system);
    return holder;
}

void write_holder(int descriptor, const std::string& name) {
    const std::string process = std::to_string(getpid());
    const std::string line = fmt::format("{} {} {}\n", process, start_of(process), this_system());
    const bool written = ftruncate(descriptor, 0) == 0 &&
                         pwrite(descriptor, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size());
    require<IoError>(written, "cannot write '{}': {}", name, std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder) {
    make_directory(folder);
    const std::string name = (folder / "lock").string();
    // Without O_CLOEXEC: programs started meanwhile are to hold it as well.
    descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0644);  // NOLINT(android-cloexec-open)
    require<IoError>(descriptor_ >= 0, "cannot open '{}': {}", name, std::strerror(errno));  // NOLINT
    const auto start = std::chrono::steady_clock::now();
    bool told = false;
    try {
        while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
            require<IoError>(errno == EWOULDBLOCK || errno == EINTR, "cannot lock '{}': {}", name,
                             std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
            const Holder holder = read_holder(descriptor_);
            const auto waited = std::chrono::steady_clock::now() - start;
            // Empty: taken, but not yet signed.
            require<IoError>(holder.process.empty() ? waited < before_a_word : !holder.may_live(),
                             "'{}' is in use by process {}: wait until it has ended (or end it: kill {}), or work in "
                             "another folder",
                             folder.string(), holder.process.empty() ? "(unknown)" : holder.process, holder.process);
            if (!told && waited > before_a_word) {
                to_stderr("{}: process {} is gone; waiting until its trainer has saved and ended\n", folder.string(),
                          holder.process);
                told = true;
            }
            check_interruption();
            std::this_thread::sleep_for(between_tries);
        }
        write_holder(descriptor_, name);
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

FolderLock::~FolderLock() {
    ::close(descriptor_);
}

}  // namespace polyformer::train
