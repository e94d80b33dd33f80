// Where serialised objects come from and go to: a file or memory, behind one small interface, so that the code that
// reads a request from disk is the code that the fuzz targets feed from memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/arithmetic/shared_bytes.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::ckks {

/// Bytes that can be read at any offset, from several threads at once.
class ByteSource {
  public:
    ByteSource() = default;
    virtual ~ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    ByteSource(ByteSource&&) = delete;
    ByteSource& operator=(ByteSource&&) = delete;

    /// What errors call it: a path, as a rule.
    virtual const std::string& name() const = 0;
    virtual std::uint64_t size() const = 0;  ///< bytes
    /// Fills `out` with the bytes from `offset` on. Throws FormatError when the source ends before that, IoError when
    /// it cannot be read.
    virtual void read_at(std::uint64_t offset, std::span<std::byte> out) const = 0;
    /// `count` bytes from `offset` on that outlive the source: a copy, if there is no other way. Throws as read_at()
    /// does.
    virtual SharedBytes share(std::uint64_t offset, std::size_t count) const;
};

/// A regular file, open for reading. What is shared of it is mapped into memory, as long as it has at least 1 MiB: the
/// file must stay as it is for so long (to put another in its place does no harm, to cut it short ends the process).
class FileSource final : public ByteSource {
  public:
    /// Throws IoError when `path` is no readable regular file.
    explicit FileSource(const std::filesystem::path& path);
    ~FileSource() override;
    FileSource(const FileSource&) = delete;
    FileSource& operator=(const FileSource&) = delete;
    FileSource(FileSource&&) = delete;
    FileSource& operator=(FileSource&&) = delete;

    const std::string& name() const override { return name_; }
    std::uint64_t size() const override { return size_; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) const override;
    SharedBytes share(std::uint64_t offset, std::size_t count) const override;

  private:
    std::string name_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

/// Bytes in memory, which must outlive the source.
class MemorySource final : public ByteSource {
  public:
    explicit MemorySource(std::span<const std::byte> bytes, std::string name = "memory")
        : name_(std::move(name)), bytes_(bytes) {}

    const std::string& name() const override { return name_; }
    std::uint64_t size() const override { return bytes_.size(); }
    void read_at(std::uint64_t offset, std::span<std::byte> out) const override;

  private:
    std::string name_;
    std::span<const std::byte> bytes_;
};

/// Takes bytes in order.
class ByteSink {
  public:
    ByteSink() = default;
    virtual ~ByteSink() = default;
    ByteSink(const ByteSink&) = delete;
    ByteSink& operator=(const ByteSink&) = delete;
    ByteSink(ByteSink&&) = delete;
    ByteSink& operator=(ByteSink&&) = delete;

    /// Throws IoError when it cannot take them, as on a full disk.
    virtual void write(std::span<const std::byte> bytes) = 0;
};

/// A file that appears when commit() is called, whole, or not at all.
class FileSink final : public ByteSink {
  public:
    /// Throws IoError when the directory is missing or not writable.
    explicit FileSink(const std::filesystem::path& path, FileAccess access = FileAccess::everyone)
        : file_(path, access) {}

    void write(std::span<const std::byte> bytes) override;
    /// Throws IoError when the file cannot be put in its place.
    void commit() { file_.commit(); }
    std::uint64_t written() const { return written_; }  ///< bytes

  private:
    AtomicFile file_;
    std::uint64_t written_ = 0;
};

/// Bytes that are collected in memory.
class MemorySink final : public ByteSink {
  public:
    void write(std::span<const std::byte> bytes) override;
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

}  // namespace polyformer::ckks
