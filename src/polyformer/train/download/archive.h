// Reading files out of an archive (zip, or tar as it is or packed by gzip, xz or zstd), by libarchive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

struct archive;
struct archive_entry;

namespace polyformer::train {

using UseBytes = std::function<void(std::span<const std::byte>)>;

/// One entry of an archive; valid during the callback that gets it.
class ArchiveEntry {
  public:
    enum class Kind { file, folder, other };  ///< other: links, devices

    /// As written in the archive: not to be used as a path. Empty when it cannot be read.
    const std::string& name() const { return name_; }
    Kind kind() const { return kind_; }

    /// Calls use(bytes) with the contents, first to last. Throws FormatError when they are more than `most_bytes`, not
    /// as many as the archive promises or damaged (after use() has had what came before).
    void read(std::uint64_t most_bytes, const UseBytes& use) const;

  private:
    friend class Archive;
    ArchiveEntry(const std::filesystem::path& file, archive* stream, archive_entry* entry);

    const std::filesystem::path& file_;
    archive* stream_;
    archive_entry* entry_;
    std::string name_;
    Kind kind_ = Kind::other;
};

/// An untrusted archive: names in it never become paths, and sizes are checked against a limit.
class Archive {
  public:
    /// Throws FormatError when `file` is not such an archive or is damaged; IoError when it cannot be read.
    explicit Archive(std::filesystem::path file);

    /// Calls use(entry, done) for each entry, first to last, with the share of the archive that has been read. Throws
    /// FormatError when it is damaged or has more than a million entries.
    void for_each(const std::function<void(const ArchiveEntry& entry, double done)>& use) const;

    /// Calls use(bytes) with the contents of the file `entry`. Throws FormatError when there is none of that name, and
    /// as ArchiveEntry::read() does.
    void read(const std::string& entry, std::uint64_t most_bytes, const UseBytes& use) const;

  private:
    /// Until visit(entry, done) says that it has seen enough.
    void visit_until(const std::function<bool(const ArchiveEntry& entry, double done)>& visit) const;

    std::filesystem::path file_;
};

}  // namespace polyformer::train
