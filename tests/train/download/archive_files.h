// Archives made by the tests themselves, by libarchive.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace polyformer::train {

struct Entry {
    std::string name;
    std::string contents;
    std::string link = {};  ///< what a symbolic link leads to; empty: a file
};

/// The name says how: ".zip", ".tar", ".tar.gz", ".tar.xz" or ".tar.zst".
inline void write_archive(const std::filesystem::path& file, const std::vector<Entry>& entries) {
    const auto require_ok = [](int code) {
        if (code != ARCHIVE_OK) throw std::runtime_error("libarchive cannot write");
    };
    const std::unique_ptr<archive, decltype(&archive_write_free)> out(archive_write_new(), archive_write_free);
    const std::string kind = file.extension();
    require_ok(kind == ".zip" ? archive_write_set_format_zip(out.get()) : archive_write_set_format_pax(out.get()));
    if (kind == ".gz") require_ok(archive_write_add_filter_gzip(out.get()));
    if (kind == ".xz") require_ok(archive_write_add_filter_xz(out.get()));
    if (kind == ".zst") require_ok(archive_write_add_filter_zstd(out.get()));
    require_ok(archive_write_open_filename(out.get(), file.c_str()));
    for (const Entry& entry : entries) {
        const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> header(archive_entry_new(),
                                                                                   archive_entry_free);
        archive_entry_set_pathname(header.get(), entry.name.c_str());
        archive_entry_set_perm(header.get(), 0644);
        archive_entry_set_filetype(header.get(), entry.link.empty() ? AE_IFREG : AE_IFLNK);
        archive_entry_set_size(header.get(), static_cast<la_int64_t>(entry.contents.size()));
        if (!entry.link.empty()) archive_entry_set_symlink(header.get(), entry.link.c_str());
        require_ok(archive_write_header(out.get(), header.get()));
        if (archive_write_data(out.get(), entry.contents.data(), entry.contents.size()) !=
            static_cast<la_ssize_t>(entry.contents.size())) {
            throw std::runtime_error("libarchive cannot write contents");
        }
    }
    require_ok(archive_write_close(out.get()));
}

}  // namespace polyformer::train
