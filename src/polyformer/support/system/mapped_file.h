// A file as memory, read by the pages that are used: for files too large, or too often read, to be copied.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace polyformer {

/// Maps a whole file read-only for as long as it lives. The file must not be changed in place meanwhile (one written
/// by AtomicFile never is: a newer version is another file under the same name).
class MappedFile {
  public:
    /// Throws IoError when `path` is no regular file that can be read.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    MappedFile(MappedFile&&) = delete;
    MappedFile& operator=(MappedFile&&) = delete;

    /// Starts at a multiple of the page size; empty for an empty file.
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::span<const std::byte> bytes_;
};

}  // namespace polyformer
