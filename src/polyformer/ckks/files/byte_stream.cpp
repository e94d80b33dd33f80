#include "polyformer/ckks/files/byte_stream.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

constexpr std::size_t kLeastMapped = std::size_t{1} << 20;

std::string system_message() {
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-local
}

void check_range(const ByteSource& source, std::uint64_t offset, std::size_t count) {
    require<FormatError>(offset <= source.size() && count <= source.size() - offset,
                         "'{}' ends after {} bytes, but {} more are needed from byte {}: it was cut short; fetch or "
                         "make it again",
                         source.name(), source.size(), count, offset);
}

}  // namespace

SharedBytes ByteSource::share(std::uint64_t offset, std::size_t count) const {
    check_range(*this, offset, count);
    const std::shared_ptr<std::byte> copy = allocate_pages(count);
    read_at(offset, {copy.get(), count});
    return {copy, count};
}

FileSource::FileSource(const std::filesystem::path& path)
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    : name_(path.string()), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    require<IoError>(descriptor_ >= 0, "cannot read '{}': {}", name_, system_message());
    struct stat status {};
    const bool regular = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
    if (!regular) {
        ::close(descriptor_);
        fail<IoError>("cannot read '{}': it is no regular file", name_);
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

FileSource::~FileSource() {
    ::close(descriptor_);
}

void FileSource::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    check_range(*this, offset, out.size());
    while (!out.empty()) {
        const ssize_t count = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        require<IoError>(count >= 0, "reading '{}' at byte {} failed: {}", name_, offset, system_message());
        require<FormatError>(count > 0, "'{}' became shorter than its {} bytes while it was read", name_, size_);
        out = out.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
}

SharedBytes FileSource::share(std::uint64_t offset, std::size_t count) const {
    check_range(*this, offset, count);
    if (count < kLeastMapped) return ByteSource::share(offset, count);
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t skipped = offset % page;
    const std::size_t length = count + static_cast<std::size_t>(skipped);
    void* const mapped =
        ::mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor_, static_cast<off_t>(offset - skipped));
    if (mapped == MAP_FAILED) return ByteSource::share(offset, count);
    // All pages in one call. A wish: where the system does not know it, they come one by one.
    ::madvise(mapped, length, MADV_POPULATE_READ);
    const std::shared_ptr<const std::byte> mapping(static_cast<const std::byte*>(mapped), [length](const auto* first) {
        ::munmap(const_cast<std::byte*>(first), length);  // NOLINT(cppcoreguidelines-pro-type-const-cast): to free it
    });
    return SharedBytes(mapping, length).part(static_cast<std::size_t>(skipped), count);
}

void MemorySource::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    check_range(*this, offset, out.size());
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
}

void FileSink::write(std::span<const std::byte> bytes) {
    file_.write(bytes);
    written_ += bytes.size();
}

void MemorySink::write(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

}  // namespace polyformer::ckks
