#include "polyformer/support/system/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "polyformer/support/error.h"

namespace polyformer {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::size_t kLongestName = 255;  ///< bytes of a file's name, of all usual file systems

std::string system_message() {
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-local
}

/// Open, until the end of its scope.
struct Descriptor {
    explicit Descriptor(int opened) : number(opened) {}
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&&) = delete;
    Descriptor& operator=(Descriptor&&) = delete;

    int number;
};

/// What the temporary files for `path` begin with; "PID-NUMBER" follows.
fs::path stem_of(const fs::path& path) {
    constexpr std::size_t kRoom = sizeof(".part-4294967295-4294967295");
    const std::string name = path.filename().string().substr(0, kLongestName - kRoom);
    return path.parent_path() / (name + ".part-");
}

/// Whoever writes a temporary file holds a lock on it, which ends with the process, whatever ends that.
bool lock(int descriptor) {
    return ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
}

/// Removes what processes that were killed have left of earlier attempts to write the same file.
void remove_abandoned(const fs::path& stem) {
    const std::string beginning = stem.filename().string();
    const auto is_temporary = [&](const std::string& name) {
        return name.starts_with(beginning) &&
               name.find_first_not_of("0123456789-", beginning.size()) == std::string::npos;
    };
    std::error_code error;
    const fs::path folder = stem.parent_path().empty() ? fs::path(".") : stem.parent_path();
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        if (!is_temporary(entry->path().filename().string())) continue;
        const Descriptor file(::open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        struct stat status {};
        if (file.number >= 0 && ::fstat(file.number, &status) == 0 && S_ISREG(status.st_mode) && lock(file.number)) {
            ::unlink(entry->path().c_str());
        }
    }
}

}  // namespace

AtomicFile::AtomicFile(fs::path path, FileAccess access) : path_(std::move(path)), target_(output_target(path_)) {
    if (target_.kind == OutputTarget::Kind::file) {
        require(access == FileAccess::secret_key || !target_.exists || !is_secret_key_file(target_.path),
                "'{}' is a secret key, which nothing else may overwrite: name another file", path_.string());
        open_temporary(access);
        require<IoError>(descriptor_ >= 0, "cannot write '{}': {}; check that its directory exists and is writable",
                         path_.string(), system_message());
    } else {
        descriptor_ = open_stream(target_);
    }
    buffer_.reserve(kBufferBytes);
}

void AtomicFile::open_temporary(FileAccess access) {
    remove_abandoned(stem_of(target_.path));
    for (int attempt = 0; attempt < 100 && descriptor_ < 0; ++attempt) {
        if (!create_temporary(access)) return;
    }
}

/// False when it is of no use to try again with another name.
bool AtomicFile::create_temporary(FileAccess access) {
    static std::atomic<unsigned> count = 0;
    const bool is_private = access != FileAccess::everyone;
    const mode_t mode = (target_.exists ? target_.mode : 0644) & (is_private ? 0600 : 0777);
    temporary_ = stem_of(target_.path);
    temporary_ += fmt::format("{}-{}", ::getpid(), count++);
    name_.emplace(fs::absolute(temporary_).string());
    // O_EXCL and O_NOFOLLOW: never write a secret through somebody else's file or link.
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (descriptor_ < 0) {
        const int error = errno;
        name_.reset();
        errno = error;
        return errno == EEXIST;
    }
    struct stat status {};
    static_cast<void>(lock(descriptor_));  // a file system without locks does without the removal of abandoned files
    if (::fstat(descriptor_, &status) == 0 && status.st_nlink == 0) {  // removed before it was locked
        ::close(descriptor_);
        descriptor_ = -1;
        return true;
    }
    if (target_.exists) {
        // Only root can leave a file to whom it belonged; what others replace becomes theirs.
        const bool given = !is_private && ::fchown(descriptor_, target_.owner, target_.group) == 0;
        static_cast<void>(given);
        static_cast<void>(::fchmod(descriptor_, mode));  // whatever the umask is
    }
    return true;
}

AtomicFile::~AtomicFile() {
    if (!buffer_.empty()) explicit_bzero(buffer_.data(), buffer_.size());  // it may hold a secret
    if (descriptor_ < 0) return;
    if (name_) ::unlink(temporary_.c_str());
    ::close(descriptor_);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
    if (buffer_.size() + bytes.size() > kBufferBytes) flush_buffer();
    if (bytes.size() >= kBufferBytes) {
        write_through(bytes);
    } else {
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }
}

void AtomicFile::flush_buffer() {
    write_through(buffer_);
    if (!buffer_.empty()) explicit_bzero(buffer_.data(), buffer_.size());  // it may have held a secret
    buffer_.clear();
}

void AtomicFile::write_through(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        require<IoError>(count > 0, "writing '{}' failed after {} bytes: {}; {}", path_.string(), written_,
                         system_message(),
                         name_ ? "nothing was left behind: free some space or choose another directory"
                               : "whoever reads it has only those");
        written_ += static_cast<std::size_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void AtomicFile::commit() {
    flush_buffer();
    if (name_) {
        require<IoError>(::fsync(descriptor_) == 0, "flushing '{}' to disk failed: {}", path_.string(),
                         system_message());
        require<IoError>(::rename(temporary_.c_str(), target_.path.c_str()) == 0,
                         "cannot move the finished file to '{}': {}", path_.string(), system_message());
        name_.reset();
    }
    ::close(descriptor_);
    descriptor_ = -1;
}

void make_directory(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    // Of the last component alone create_directories() does not say that it is a file.
    require<IoError>(!error && fs::is_directory(directory, error), "cannot create the directory '{}': {}",
                     directory.string(), error ? error.message() : "a file of that name is there");
}

void write_file(const fs::path& path, std::string_view contents, FileAccess access) {
    AtomicFile file(path, access);
    file.write(std::as_bytes(std::span(contents)));
    file.commit();
}

std::string read_file(const fs::path& path, std::size_t max_bytes) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    require<IoError>(file.number >= 0, "cannot read '{}': {}", path.string(),
                     errno == ENOENT ? "no such file" : system_message());
    struct stat status {};
    std::string contents;
    // A file of known size takes one allocation; a byte more shows its end, or that it has grown.
    if (::fstat(file.number, &status) == 0 && S_ISREG(status.st_mode)) {
        contents.resize(std::min(static_cast<std::size_t>(status.st_size), max_bytes) + 1);
    }
    std::size_t count = 0;
    for (;;) {
        if (count == contents.size()) contents.resize(std::max<std::size_t>(2 * count, 1 << 16));
        const ssize_t more = ::read(file.number, contents.data() + count, contents.size() - count);
        if (more < 0 && errno == EINTR) continue;
        require<IoError>(more >= 0, "cannot read '{}': {}", path.string(),
                         errno == EISDIR ? "it is a directory, not a file" : system_message());
        count += static_cast<std::size_t>(more);
        require<IoError>(count <= max_bytes, "'{}' has more than the {} bytes that such a file can have", path.string(),
                         max_bytes);
        if (more == 0) break;
    }
    contents.resize(count);
    return contents;
}

}  // namespace polyformer
