// Fetching one file whose checksum is known, over a connection that may break.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace polyformer::train {

/// What to expect of a download.
struct DownloadOptions {
    std::string sha256;            ///< of the whole file, 64 hexadecimal digits
    std::uint64_t most_bytes = 0;  ///< a server that sends more is cut off
    bool quiet = false;            ///< no progress bar
};

/// Fetches `url` (https; redirects must stay with it) and puts it at `file` once its checksum is right. What has
/// arrived is kept in `file`.part: the next call resumes there with a range request, or starts anew when the server
/// knows no ranges or the part cannot belong to the file. A connection that breaks after some progress is tried again
/// at once, a few times. Throws IoError naming the URL, the cause and what to do when it cannot be fetched, or the disk
/// refuses; FormatError with both checksums when it is another file, of which nothing is kept.
void download(const std::string& url, const std::filesystem::path& file, const DownloadOptions& options);

}  // namespace polyformer::train
