#include "polyformer/support/system/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "polyformer/support/error.h"

namespace polyformer {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

std::string system_message() {
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-local
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, FileAccess access) : path_(std::move(path)) {
    temporary_ = path_;
    temporary_ += fmt::format(".part-{}", getpid());
    const mode_t mode = access == FileAccess::owner_only ? 0600 : 0644;
    // O_EXCL and O_NOFOLLOW: never write a secret through somebody else's file or link.
    ::unlink(temporary_.c_str());
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    require<IoError>(descriptor_ >= 0, "cannot create '{}': {}; check that its directory exists and is writable",
                     path_.string(), system_message());
    buffer_.reserve(kBufferBytes);
}

AtomicFile::~AtomicFile() {
    if (!buffer_.empty()) explicit_bzero(buffer_.data(), buffer_.size());  // it may hold a secret
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
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
        require<IoError>(count > 0,
                         "writing '{}' failed after {} bytes: {}; nothing was left behind: free some space "
                         "or choose another directory",
                         path_.string(), written_, system_message());
        written_ += static_cast<std::size_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void AtomicFile::commit() {
    flush_buffer();
    require<IoError>(::fsync(descriptor_) == 0, "flushing '{}' to disk failed: {}", path_.string(), system_message());
    require<IoError>(::rename(temporary_.c_str(), path_.c_str()) == 0, "cannot move the finished file to '{}': {}",
                     path_.string(), system_message());
    ::close(descriptor_);
    descriptor_ = -1;
}

void make_directory(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    require<IoError>(!error, "cannot create the directory '{}': {}", directory.string(), error.message());
}

void write_file(const std::filesystem::path& path, std::string_view contents, FileAccess access) {
    AtomicFile file(path, access);
    file.write(std::as_bytes(std::span(contents)));
    file.commit();
}

std::string read_file(const std::filesystem::path& path, std::size_t max_bytes) {
    std::ifstream stream(path, std::ios::binary | std::ios::ate);
    require<IoError>(stream.good() && !std::filesystem::is_directory(path), "cannot read '{}': {}", path.string(),
                     std::filesystem::exists(path) ? "not a readable file" : "no such file");
    const auto size = static_cast<std::size_t>(stream.tellg());
    require<IoError>(size <= max_bytes, "'{}' has {} bytes, more than the {} that such a file can have", path.string(),
                     size, max_bytes);
    std::string contents(size, '\0');
    stream.seekg(0);
    stream.read(contents.data(), static_cast<std::streamsize>(size));
    require<IoError>(stream.gcount() == static_cast<std::streamsize>(size), "'{}' ended after {} of {} bytes",
                     path.string(), stream.gcount(), size);
    return contents;
}

}  // namespace polyformer
