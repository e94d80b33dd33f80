#include "polyformer/support/process/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "polyformer/support/error.h"

namespace polyformer {

namespace {

std::atomic<bool> reserved = false;
std::atomic<int> first_error = 0;  ///< of standard output; 0: none yet

void note_error(int error) {
    int none = 0;
    first_error.compare_exchange_strong(none, error == 0 ? EIO : error);
}

}  // namespace

void prepare_standard_streams() {
    // The wrong way round: what a program writes to a closed output must fail, not vanish.
    for (const auto& [descriptor, mode] :
         {std::pair{STDIN_FILENO, O_WRONLY}, std::pair{STDOUT_FILENO, O_RDONLY}, std::pair{STDERR_FILENO, O_RDONLY}}) {
        // open() takes the lowest descriptor that is free, and those below are taken.
        if (::fcntl(descriptor, F_GETFD) < 0) static_cast<void>(::open("/dev/null", mode));
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
}

void write_results_to_stdout(std::string_view text) noexcept {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) note_error(errno);
}

void write_to_stdout(std::string_view text) noexcept {
    if (!reserved) write_results_to_stdout(text);
}

void reserve_stdout_for_results() noexcept {
    reserved = true;
}

void write_to_stderr(std::string_view text) noexcept {
    // What was said before on standard output stands before it, where both go to one place.
    errno = 0;
    if (std::fflush(stdout) != 0) note_error(errno);
    // Unbuffered: what is said before a crash shows.
    while (!text.empty()) {
        const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

void finish_standard_output() {
    errno = 0;
    if (std::fflush(stdout) != 0) note_error(errno);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's strerror is thread-local
    require<IoError>(first_error == 0, "standard output could not be written in full: {}", std::strerror(first_error));
}

}  // namespace polyformer
