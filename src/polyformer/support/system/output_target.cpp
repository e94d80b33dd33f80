#include "polyformer/support/system/output_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>

#include "polyformer/support/error.h"

namespace polyformer {

namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  ///< as in Linux

std::string system_message(int error) {
    return std::strerror(error);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-local
}

/// N of /dev/fd/N and /proc/self/fd/N, whichever way they are written.
std::optional<int> own_descriptor(const fs::path& path) {
    const std::string name = path.filename().string();
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (name.empty() || error != std::errc{} || end != name.data() + name.size() || number < 0) return std::nullopt;
    std::error_code ignored;
    const fs::path folder = fs::canonical(path.parent_path(), ignored);
    if (folder.empty() || folder != fs::canonical("/proc/self/fd", ignored)) return std::nullopt;
    return number;
}

OutputTarget of_descriptor(const fs::path& path, int descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFL);
    require<IoError>(flags >= 0 && (flags & O_ACCMODE) != O_RDONLY,
                     "cannot write to '{}': this program was started without it, or it is for reading alone",
                     path.string());
    return {.kind = OutputTarget::Kind::descriptor, .path = path, .exists = true, .descriptor = descriptor};
}

}  // namespace

OutputTarget output_target(const fs::path& path) {
    require<IoError>(!path.empty(), "the name of a file to write is empty: give one");
    fs::path place = path;
    for (int links = 0; links <= kMostLinks; ++links) {
        if (const auto descriptor = own_descriptor(place)) return of_descriptor(path, *descriptor);
        struct stat status {};
        if (::lstat(place.c_str(), &status) != 0) {
            require<IoError>(
                errno == ENOENT && place.has_filename(), "cannot write '{}': {}; {}", path.string(),
                errno == ENOENT ? "it names a directory" : system_message(errno),
                errno == ENAMETOOLONG ? "choose a shorter name" : "check that its directory exists and is writable");
            return {.path = place};
        }
        if (S_ISLNK(status.st_mode)) {
            std::error_code error;
            const fs::path target = fs::read_symlink(place, error);
            require<IoError>(!error, "cannot follow the link '{}': {}", place.string(), error.message());
            place = place.parent_path() / target;
            continue;
        }
        require<IoError>(!S_ISDIR(status.st_mode), "cannot write '{}': it is a directory; name a file in it",
                         path.string());
        require<IoError>(::faccessat(AT_FDCWD, place.c_str(), W_OK, AT_EACCESS) == 0,
                         "cannot write '{}': {}; make it writable, or name another file", path.string(),
                         errno == EACCES ? "it is write-protected" : system_message(errno));
        return {.kind = S_ISREG(status.st_mode) ? OutputTarget::Kind::file : OutputTarget::Kind::stream,
                .path = place,
                .exists = true,
                .mode = status.st_mode & 0777,
                .owner = status.st_uid,
                .group = status.st_gid};
    }
    fail<IoError>("cannot write '{}': its symbolic links lead in a circle", path.string());
}

int open_stream(const OutputTarget& target) {
    constexpr int kAttempts = 100;
    constexpr auto kPause = std::chrono::milliseconds(30);
    int descriptor = -1;
    for (int attempt = 0; attempt < kAttempts && descriptor < 0; ++attempt) {
        if (attempt > 0) std::this_thread::sleep_for(kPause);
        // Of a pipe without a reader this says ENXIO, where a plain open() would wait, for ever if none comes.
        descriptor = target.kind == OutputTarget::Kind::descriptor
                         ? ::fcntl(target.descriptor, F_DUPFD_CLOEXEC, 0)
                         : ::open(target.path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (descriptor < 0 && errno != ENXIO) break;
    }
    require<IoError>(descriptor >= 0, "cannot write '{}': {}", target.path.string(),
                     errno == ENXIO ? "nobody reads it; start the reader first" : system_message(errno));
    if (target.kind == OutputTarget::Kind::stream) {
        static_cast<void>(::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) & ~O_NONBLOCK));
    }
    return descriptor;
}

bool is_secret_key_file(const fs::path& path) {
    constexpr std::string_view kMagic = "PLYFORM\n";
    constexpr std::string_view kKind("secret key\0", 11);
    constexpr std::size_t kKindAt = kMagic.size() + sizeof(std::uint64_t);  // a version lies between
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return false;
    std::array<char, kKindAt + kKind.size()> beginning{};
    std::ifstream(path, std::ios::binary).read(beginning.data(), beginning.size());
    const std::string_view text(beginning.data(), beginning.size());
    return text.starts_with(kMagic) && text.substr(kKindAt) == kKind;
}

}  // namespace polyformer
