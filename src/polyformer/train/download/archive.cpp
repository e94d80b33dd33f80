#include "polyformer/train/download/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

#include "polyformer/support/error.h"

namespace polyformer::train {
namespace {

constexpr std::size_t most_entries = 1000000;
constexpr std::size_t block_bytes = std::size_t{1} << 16;

struct Close {
    void operator()(archive* stream) const { archive_read_free(stream); }
};
using Stream = std::unique_ptr<archive, Close>;

std::string message_of(archive* stream) {
    const char* message = archive_error_string(stream);
    return message == nullptr ? "no cause given" : message;
}

[[noreturn]] void fail_damaged(const std::filesystem::path& file, archive* stream) {
    fail<FormatError>(
        "'{}' is not an archive (zip, or tar as it is or with gzip, xz or zstd), or a damaged one ({}): fetch "
        "it again",
        file.string(), message_of(stream));
}

Stream open(const std::filesystem::path& file) {
    Stream stream(archive_read_new());
    require(stream != nullptr, "libarchive cannot be set up: not enough memory");
    for (const auto support :
         {archive_read_support_format_zip, archive_read_support_format_tar, archive_read_support_filter_gzip,
          archive_read_support_filter_xz, archive_read_support_filter_zstd}) {
        require(support(stream.get()) == ARCHIVE_OK, "libarchive lacks a format: {}", message_of(stream.get()));
    }
    if (archive_read_open_filename(stream.get(), file.c_str(), block_bytes) != ARCHIVE_OK) {
        fail_damaged(file, stream.get());
    }
    return stream;
}

ArchiveEntry::Kind kind_of(archive_entry* entry) {
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr) {
        return ArchiveEntry::Kind::other;
    }
    switch (archive_entry_filetype(entry)) {
        case AE_IFREG:
            return ArchiveEntry::Kind::file;
        case AE_IFDIR:
            return ArchiveEntry::Kind::folder;
        default:
            return ArchiveEntry::Kind::other;
    }
}

}  // namespace

ArchiveEntry::ArchiveEntry(const std::filesystem::path& file, archive* stream, archive_entry* entry)
    : file_(file), stream_(stream), entry_(entry), kind_(kind_of(entry)) {
    if (const char* name = archive_entry_pathname(entry); name != nullptr) name_ = name;
}

void ArchiveEntry::read(std::uint64_t most_bytes, const UseBytes& use) const {
    const bool promised = archive_entry_size_is_set(entry_) != 0;
    const auto size = static_cast<std::uint64_t>(archive_entry_size(entry_));
    require<FormatError>(!promised || size <= most_bytes,
                         "'{}': {} unpacks to {} bytes, more than the {} that it can have", file_.string(), name_, size,
                         most_bytes);
    const std::uint64_t limit = promised ? size : most_bytes;
    std::uint64_t total = 0;
    std::vector<std::byte> block(block_bytes);
    while (true) {
        const la_ssize_t count = archive_read_data(stream_, block.data(), block.size());
        require<FormatError>(count >= 0, "'{}': {} is damaged after {} bytes ({}): fetch the archive again",
                             file_.string(), name_, total, message_of(stream_));
        if (count == 0) break;
        total += static_cast<std::uint64_t>(count);
        // What is promised may be a lie.
        require<FormatError>(total <= limit, "'{}': {} unpacks to more than the {} bytes that it may have",
                             file_.string(), name_, limit);
        use(std::span(block).first(static_cast<std::size_t>(count)));
    }
    require<FormatError>(!promised || total == size, "'{}': {} has {} bytes instead of {}: fetch the archive again",
                         file_.string(), name_, total, size);
}

Archive::Archive(std::filesystem::path file) : file_(std::move(file)) {
    require<IoError>(std::filesystem::is_regular_file(file_), "cannot read '{}': no such file", file_.string());
    visit_until([](const ArchiveEntry&, double) { return true; });
}

void Archive::visit_until(const std::function<bool(const ArchiveEntry& entry, double done)>& visit) const {
    const Stream stream = open(file_);
    const auto file_bytes = static_cast<double>(std::max<std::uintmax_t>(1, std::filesystem::file_size(file_)));
    for (std::size_t entries = 0;; ++entries) {
        archive_entry* header = nullptr;
        const int code = archive_read_next_header(stream.get(), &header);
        if (code == ARCHIVE_EOF) return;
        // A warning may be no more than a name that this locale cannot write.
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) fail_damaged(file_, stream.get());
        require<FormatError>(entries < most_entries, "'{}' has more than {} entries", file_.string(), most_entries);
        const double done = static_cast<double>(archive_filter_bytes(stream.get(), -1)) / file_bytes;
        if (visit(ArchiveEntry(file_, stream.get(), header), std::min(done, 1.0))) return;
    }
}

void Archive::for_each(const std::function<void(const ArchiveEntry& entry, double done)>& use) const {
    visit_until([&](const ArchiveEntry& entry, double done) {
        use(entry, done);
        return false;
    });
}

void Archive::read(const std::string& entry, std::uint64_t most_bytes, const UseBytes& use) const {
    bool found = false;
    visit_until([&](const ArchiveEntry& candidate, double) {
        found = candidate.name() == entry && candidate.kind() == ArchiveEntry::Kind::file;
        if (found) candidate.read(most_bytes, use);
        return found;
    });
    require<FormatError>(found, "'{}' has no file {}: is it the right archive?", file_.string(), entry);
}

}  // namespace polyformer::train
