#include "polyformer/support/system/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "polyformer/support/error.h"

namespace polyformer {

MappedFile::MappedFile(const std::filesystem::path& path) {
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    // NOLINTBEGIN(concurrency-mt-unsafe): glibc's strerror is thread-local
    require<IoError>(descriptor >= 0, "cannot read '{}': {}", path.string(), std::strerror(errno));
    struct stat status {};
    const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    const auto size = static_cast<std::size_t>(status.st_size);
    void* memory = nullptr;
    if (regular && size > 0) memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    const int error = errno;
    ::close(descriptor);  // the mapping stays
    require<IoError>(regular, "cannot read '{}': not a regular file", path.string());
    require<IoError>(memory != MAP_FAILED, "cannot map the {} bytes of '{}' into memory: {}", size, path.string(),
                     std::strerror(error));
    // NOLINTEND(concurrency-mt-unsafe)
    bytes_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace polyformer
