// A file that appears whole or not at all: written aside, flushed to disk, then renamed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/support/process/temporary_files.h"
#include "polyformer/support/system/output_target.h"

namespace polyformer {

/// Who may read a file that we write. A file that is there already keeps its permissions, but for those that this takes
/// away.
enum class FileAccess {
    everyone,
    owner_only,  ///< mode 0600
    secret_key,  ///< the same; nothing else may take the place of a secret key
};

/// Writes `path` through a temporary file beside it. Without commit() the destructor removes the temporary file, so an
/// error half-way leaves whatever stood at `path` before. Symbolic links stay and what they lead to is replaced; into
/// what is no regular file (a device, a pipe, /dev/stdout) bytes are written straight.
class AtomicFile {
  public:
    /// Throws IoError when nothing can be written there: the directory is missing or not writable, `path` is a
    /// directory or write-protected; Error when a secret key stands there.
    explicit AtomicFile(std::filesystem::path path, FileAccess access = FileAccess::everyone);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    AtomicFile(AtomicFile&&) = delete;
    AtomicFile& operator=(AtomicFile&&) = delete;

    /// Appends; throws IoError naming the path and the bytes written so far (a full disk, for one).
    void write(std::span<const std::byte> bytes);
    /// Flushes to disk and renames into place.
    void commit();

  private:
    void open_temporary(FileAccess access);
    bool create_temporary(FileAccess access);
    void flush_buffer();
    void write_through(std::span<const std::byte> bytes);

    std::filesystem::path path_;  ///< as it was given
    OutputTarget target_;
    std::filesystem::path temporary_;
    std::optional<TemporaryName> name_;  ///< of the temporary file, while it is there
    int descriptor_ = -1;
    std::size_t written_ = 0;
    std::vector<std::byte> buffer_;
};

/// Creates a directory, and those above it, where they are missing. Throws IoError.
void make_directory(const std::filesystem::path& directory);

/// Writes a small file in one go, atomically.
void write_file(const std::filesystem::path& path, std::string_view contents, FileAccess access = FileAccess::everyone);

/// Reads a whole file, or a pipe to its end; throws IoError when it cannot be opened or is larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{1} << 32);

}  // namespace polyformer
