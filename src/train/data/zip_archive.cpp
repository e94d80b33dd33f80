#include "train/data/zip_archive.h"

#include <zip.h>

#include <vector>

#include "support/error.h"

namespace polyformer::train {
namespace {

struct CloseEntry {
    void operator()(zip_file* entry) const { zip_fclose(entry); }
};

}  // namespace

void ZipArchive::Close::operator()(zip* archive) const {
    zip_discard(archive);
}

ZipArchive::ZipArchive(const std::filesystem::path& file) : file_(file) {
    require<IoError>(std::filesystem::is_regular_file(file), "cannot read '{}': no such file", file.string());
    int code = 0;
    archive_.reset(zip_open(file.c_str(), ZIP_RDONLY, &code));
    if (!archive_) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const std::string cause = zip_error_strerror(&error);
        zip_error_fini(&error);
        fail<FormatError>("'{}' is not a zip archive, or a damaged one ({}): fetch it again", file.string(), cause);
    }
}

void ZipArchive::read(const std::string& entry, std::uint64_t most_bytes,
                      const std::function<void(std::span<const std::byte>)>& use) const {
    zip_stat_t status;
    zip_stat_init(&status);
    require<FormatError>(
        zip_stat(archive_.get(), entry.c_str(), 0, &status) == 0 && (status.valid & ZIP_STAT_SIZE) != 0,
        "'{}' has no file {}: is it the right archive?", file_.string(), entry);
    require<FormatError>(status.size <= most_bytes, "'{}': {} unpacks to {} bytes, more than the {} that it can have",
                         file_.string(), entry, status.size, most_bytes);
    const std::unique_ptr<zip_file, CloseEntry> stream(zip_fopen_index(archive_.get(), status.index, 0));
    require<FormatError>(stream != nullptr, "'{}': {} cannot be unpacked: {}", file_.string(), entry,
                         zip_strerror(archive_.get()));
    std::vector<std::byte> block(std::size_t{1} << 18);
    std::uint64_t total = 0;
    while (true) {
        const zip_int64_t count = zip_fread(stream.get(), block.data(), block.size());
        require<FormatError>(count >= 0, "'{}': {} is damaged after {} bytes ({}): fetch the archive again",
                             file_.string(), entry, total, zip_file_strerror(stream.get()));
        if (count == 0) break;
        total += static_cast<std::uint64_t>(count);
        // The directory may lie about the size.
        require<FormatError>(total <= status.size, "'{}': {} unpacks to more than the {} bytes that it promises",
                             file_.string(), entry, status.size);
        use(std::span(block).first(static_cast<std::size_t>(count)));
    }
    require<FormatError>(total == status.size, "'{}': {} has {} bytes instead of {}: fetch the archive again",
                         file_.string(), entry, total, status.size);
}

}  // namespace polyformer::train
