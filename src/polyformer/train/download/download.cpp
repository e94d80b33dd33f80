#include "polyformer/train/download/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>

#include "polyformer/support/error.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;

constexpr int attempts_in_a_row = 5;
constexpr long connect_seconds = 30;
constexpr long stalled_seconds = 60;  // with less than this many bytes a second:
constexpr long stalled_bytes = 1000;

std::string system_message() {
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): glibc's is thread-local
}

/// The bytes that have come so far; this process's alone as long as it is open.
class PartFile {
  public:
    explicit PartFile(fs::path path) : path_(std::move(path)) {
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
        require<IoError>(descriptor_ >= 0, "cannot create '{}': {}", path_.string(), system_message());
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
            ::close(descriptor_);
            fail<IoError>("'{}' is being downloaded by another process: wait for it", path_.string());
        }
    }
    ~PartFile() { ::close(descriptor_); }
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    PartFile(PartFile&&) = delete;
    PartFile& operator=(PartFile&&) = delete;

    const fs::path& path() const { return path_; }

    std::uint64_t size() const {
        struct stat status {};
        require<IoError>(::fstat(descriptor_, &status) == 0, "cannot read '{}': {}", path_.string(), system_message());
        return static_cast<std::uint64_t>(status.st_size);
    }

    void append(std::span<const char> bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
            if (count < 0 && errno == EINTR) continue;
            require<IoError>(
                count > 0, "writing '{}' failed after {} bytes: {}; make room, and the same command goes on from there",
                path_.string(), size(), system_message());
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }

    void clear() {
        require<IoError>(::ftruncate(descriptor_, 0) == 0, "cannot empty '{}': {}", path_.string(), system_message());
    }

    void remove() { ::unlink(path_.c_str()); }

    void move_to(const fs::path& file) {
        require<IoError>(::fsync(descriptor_) == 0 && ::rename(path_.c_str(), file.c_str()) == 0,
                         "cannot move '{}' to '{}': {}", path_.string(), file.string(), system_message());
    }

  private:
    fs::path path_;
    int descriptor_;
};

/// How one request ended.
struct Outcome {
    bool complete = false;
    bool cannot_resume = false;  ///< only from the start could it go on
    std::string cause;           ///< empty when complete
};

/// One request for what the part lacks.
class Request {
  public:
    Request(const std::string& url, PartFile& part, const DownloadOptions& options)
        : part_(part),
          options_(options),
          offset_(part.size()),
          title_("Downloading " + fs::path(url).filename().string()) {
        require<IoError>(curl_ != nullptr, "libcurl cannot be used: not enough memory, or no TLS library");
        set(CURLOPT_URL, url.c_str());
        set(CURLOPT_REDIR_PROTOCOLS_STR, "https");
        set(CURLOPT_FOLLOWLOCATION, 1L);
        set(CURLOPT_MAXREDIRS, 5L);
        set(CURLOPT_FAILONERROR, 1L);
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_USERAGENT, "polyformer");  // some servers refuse a client without a name
        set(CURLOPT_CONNECTTIMEOUT, connect_seconds);
        set(CURLOPT_LOW_SPEED_TIME, stalled_seconds);
        set(CURLOPT_LOW_SPEED_LIMIT, stalled_bytes);
        set(CURLOPT_ERRORBUFFER, message_.data());
        set(CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(offset_));
        set(CURLOPT_WRITEDATA, this);
        set(CURLOPT_WRITEFUNCTION, &Request::receive);
    }

    Outcome run() {
        const CURLcode code = curl_easy_perform(curl_.get());
        if (error_) std::rethrow_exception(error_);
        // "Range Not Satisfiable": the part is as long as the file or longer, but not the file.
        const bool beyond_the_end = status() == 416;
        Outcome outcome;
        outcome.complete = code == CURLE_OK && !beyond_the_end;
        outcome.cannot_resume =
            offset_ > 0 && (beyond_the_end || code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME);
        if (!outcome.complete) outcome.cause = message_[0] != '\0' ? message_.data() : curl_easy_strerror(code);
        if (outcome.complete && progress_) progress_->finish();
        return outcome;
    }

  private:
    template <class Value>
    void set(CURLoption option, Value value) {
        const CURLcode code = curl_easy_setopt(curl_.get(), option, value);
        require<IoError>(code == CURLE_OK, "libcurl refuses option {}: {}", static_cast<int>(option),
                         curl_easy_strerror(code));
    }

    long status() const {
        long status = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }

    // libcurl's: takes `count` bytes, or anything else to end the transfer. Exceptions must not pass through libcurl.
    static std::size_t receive(const char* bytes, std::size_t, std::size_t count, void* self) {
        auto& request = *static_cast<Request*>(self);
        try {
            request.take({bytes, count});
            return count;
        } catch (...) {
            request.error_ = std::current_exception();
            return 0;
        }
    }

    void take(std::span<const char> bytes) {
        if (status() == 416) return;  // a page that says so
        received_ += bytes.size();
        require<IoError>(offset_ + received_ <= options_.most_bytes,
                         "{}: the server sends more than the {} that such a file can have; fetch it elsewhere and give "
                         "it with --from",
                         title_, format_bytes(static_cast<double>(options_.most_bytes)));
        part_.append(bytes);
        if (!progress_) {
            curl_off_t length = -1;
            curl_easy_getinfo(curl_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
            progress_.emplace(title_, static_cast<double>(length), options_.quiet || length <= 0);
        }
        progress_->update(static_cast<double>(received_), format_bytes(static_cast<double>(offset_ + received_)));
    }

    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_{curl_easy_init(), &curl_easy_cleanup};
    PartFile& part_;
    const DownloadOptions& options_;
    std::uint64_t offset_;
    std::string title_;
    std::uint64_t received_ = 0;
    std::optional<Progress> progress_;
    std::exception_ptr error_;
    std::array<char, CURL_ERROR_SIZE> message_{};
};

/// Goes on until the server has sent all, or nothing more comes.
void complete(const std::string& url, PartFile& part, const DownloadOptions& options) {
    for (int attempt = 1;; ++attempt) {
        const std::uint64_t before = part.size();
        const Outcome outcome = Request(url, part, options).run();
        if (outcome.complete) return;
        const std::uint64_t after = part.size();
        if (outcome.cannot_resume) {
            part.clear();
        } else if (after == before || attempt == attempts_in_a_row) {
            if (after == 0) part.remove();
            const std::string kept = after == 0
                                         ? "try again later"
                                         : fmt::format("{} of it are kept, and the same command goes on from there",
                                                       format_bytes(static_cast<double>(after)));
            fail<IoError>(
                "cannot fetch {}: {}; {}. Without a connection, fetch it on another machine and give the "
                "folder or archive with --from",
                url, outcome.cause, kept);
        }
    }
}

}  // namespace

void download(const std::string& url, const fs::path& file, const DownloadOptions& options) {
    PartFile part(file.string() + ".part");
    const std::uint64_t from_before = part.size();
    const auto checksum = [&] { return sha256_of_file(part.path()); };
    std::string found = from_before > 0 ? checksum() : "";
    if (found != options.sha256) {
        if (from_before > options.most_bytes) part.clear();
        complete(url, part, options);
        found = checksum();
    }
    if (found != options.sha256 && from_before > 0) {  // the old part may be to blame
        part.clear();
        complete(url, part, options);
        found = checksum();
    }
    if (found != options.sha256) {
        part.remove();
        fail<FormatError>(
            "{} is not the file that was published: its SHA-256 is {}, expected {}. It was deleted; try "
            "again, or fetch the file elsewhere and give it with --from",
            url, found, options.sha256);
    }
    part.move_to(file);
}

}  // namespace polyformer::train
