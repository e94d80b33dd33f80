// Reading single files out of a zip archive, by libzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

struct zip;

namespace polyformer::train {

/// An archive that nothing is believed of: names in it never become paths, and sizes are held against a limit.
class ZipArchive {
  public:
    /// Throws FormatError when `file` is no zip archive, or a damaged one; IoError when it cannot be read.
    explicit ZipArchive(const std::filesystem::path& file);

    /// Calls use(bytes) with the contents of `entry`, first to last. Throws FormatError when there is no such entry, it
    /// unpacks to more than `most_bytes`, or its checksum is wrong (after use() has had all of it).
    void read(const std::string& entry, std::uint64_t most_bytes,
              const std::function<void(std::span<const std::byte>)>& use) const;

  private:
    struct Close {
        void operator()(zip* archive) const;
    };

    std::filesystem::path file_;
    std::unique_ptr<zip, Close> archive_;
};

}  // namespace polyformer::train
