// What data sets of texts and of images have in common when they are fetched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace polyformer::train {

/// Where a data set comes from and where it goes.
struct FetchOptions {
    std::filesystem::path out;   ///< folder to fill, made when missing
    std::filesystem::path from;  ///< a folder with the files, or their archive; empty: from the official home
    bool quiet = false;          ///< no progress bars
};

/// Makes the folder `options.out`, and sees that `options.from` is there unless it is empty. Throws IoError.
void check_folders(const FetchOptions& options);

/// Downloads the archive of a data set into `options.out` and returns where it lies. Throws as download() does.
std::filesystem::path fetch_archive(const std::string& url, const std::string& sha256, std::uint64_t most_bytes,
                                    const FetchOptions& options);

}  // namespace polyformer::train
