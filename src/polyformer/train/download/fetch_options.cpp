#include "polyformer/train/download/fetch_options.h"

#include "polyformer/support/error.h"
#include "polyformer/train/download/download.h"

namespace polyformer::train {

namespace fs = std::filesystem;

void check_folders(const FetchOptions& options) {
    std::error_code error;
    fs::create_directories(options.out, error);
    require<IoError>(fs::is_directory(options.out), "'{}' is not a folder and cannot be made one: choose another --out",
                     options.out.string());
    require<IoError>(options.from.empty() || fs::exists(options.from),
                     "'{}' is not there: give a folder or an archive that is, with --from", options.from.string());
}

fs::path fetch_archive(const std::string& url, const std::string& sha256, std::uint64_t most_bytes,
                       const FetchOptions& options) {
    fs::path archive = options.out / fs::path(url).filename();
    download(url, archive, {.sha256 = sha256, .most_bytes = most_bytes, .quiet = options.quiet});
    return archive;
}

}  // namespace polyformer::train
