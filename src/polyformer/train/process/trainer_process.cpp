#include "polyformer/train/process/trainer_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/system/process.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/train/process/trainer_exit_codes.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;

// OpenBLAS 0.3.21 does not know processors made after it and falls back to AVX2; half the speed where AVX-512 is there.
void help_openblas() {
#ifdef __x86_64__
    const bool skylake = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512vl");
    if (skylake) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
#endif
}

fs::path find_program(const TrainerOptions& options) {
    fs::path program = options.program.empty() ? program_beside_this("polyformer-train") : options.program;
    require(fs::exists(program),
            "{} is missing: training needs a build with LibTorch (package libtorch-dev, CMake option "
            "POLYFORMER_TRAINING=ON)",
            program.string());
    return program;
}

// A file descriptor that is closed at the end of its scope.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&&) = delete;
    Descriptor& operator=(Descriptor&&) = delete;

    int number() const { return number_; }
    void close() {
        if (number_ >= 0) ::close(number_);
        number_ = -1;
    }

  private:
    int number_;
};

// In the child between fork() and exec(), where only what signal handlers may call is safe. Returns only when the
// program could not be started.
void become(const char* program, char* const* words, int log, pid_t parent, const sigset_t& mask) {
    for (const int signal : interrupting_signals) {
        struct sigaction action {};
        sigaction(signal, nullptr, &action);
        if (action.sa_handler == SIG_IGN) continue;
        action.sa_handler = SIG_DFL;
        sigaction(signal, &action, nullptr);
    }
    // However the parent ends, its trainer saves and ends, too. The parent may have ended before this is said.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(trainer_interrupted);
    if (log >= 0) dup2(log, STDERR_FILENO);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    execv(program, words);
}

bool asks_to_end(int signal) {
    return std::find(std::begin(interrupting_signals), std::end(interrupting_signals), signal) !=
           std::end(interrupting_signals);
}

TrainerOutcome outcome_of(int status) {
    if (WIFSIGNALED(status)) {  // before it could take signals: nothing is lost
        return asks_to_end(WTERMSIG(status)) ? TrainerOutcome::interrupted : TrainerOutcome::failed;
    }
    switch (WEXITSTATUS(status)) {
        case trainer_complete:
            return TrainerOutcome::complete;
        case trainer_interrupted:
            return TrainerOutcome::interrupted;
        case trainer_diverged:
            return TrainerOutcome::diverged;
        default:
            return TrainerOutcome::failed;
    }
}

}  // namespace

void require_trainer(const TrainerOptions& options) {
    find_program(options);
}

std::size_t threads_of(const TrainerOptions& options, std::size_t trainers) {
    if (options.threads > 0) return options.threads;
    return std::max<std::size_t>(1, std::thread::hardware_concurrency() / std::max<std::size_t>(1, trainers));
}

TrainerProcess::TrainerProcess(const TrainerOptions& options, const fs::path& folder, const fs::path& log)
    : program_(find_program(options)) {
    help_openblas();
    // Not a relative path that begins like an option.
    std::vector<std::string> words = {program_.string(), fs::absolute(folder).string(),
                                      fmt::format("--threads={}", threads_of(options)), "--device=" + options.device,
                                      "--precision=" + options.precision};
    if (options.quiet) words.emplace_back("--quiet");
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);

    // NOLINTBEGIN(concurrency-mt-unsafe): glibc's strerror is thread-local
    Descriptor messages(log.empty() ? -1 : open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    require<IoError>(log.empty() || messages.number() >= 0, "cannot write '{}': {}", log.string(),
                     std::strerror(errno));
    // The child's word that it could not start: closed without one by a successful exec().
    std::array<int, 2> ends{-1, -1};
    require<IoError>(pipe2(ends.data(), O_CLOEXEC) == 0, "{} cannot be started: {}", program_.string(),
                     std::strerror(errno));
    const Descriptor from_child(ends[0]);
    Descriptor to_parent(ends[1]);
    const pid_t parent = getpid();
    sigset_t all;
    sigset_t mask;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);  // no handler of ours in the child
    process_ = fork();
    if (process_ == 0) {
        become(program_.c_str(), pointers.data(), messages.number(), parent, mask);
        const int error = errno;
        static_cast<void>(!write(to_parent.number(), &error, sizeof error));
        _exit(trainer_crashed);
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    to_parent.close();
    require<IoError>(process_ > 0, "{} cannot be started: {}", program_.string(), std::strerror(error));
    if (read(from_child.number(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
        waitpid(process_, &status_, 0);
        fail<IoError>("{} cannot be started: {}", program_.string(), std::strerror(error));
    }
    // NOLINTEND(concurrency-mt-unsafe)
}

TrainerProcess::TrainerProcess(TrainerProcess&& other) noexcept
    : program_(std::move(other.program_)),
      process_(std::exchange(other.process_, 0)),
      asked_to_end_(other.asked_to_end_),
      status_(other.status_),
      outcome_(other.outcome_) {}

TrainerProcess::~TrainerProcess() {
    if (process_ <= 0 || outcome_) return;
    interrupt();
    while (waitpid(process_, &status_, 0) < 0 && errno == EINTR) {
    }
}

std::optional<TrainerOutcome> TrainerProcess::poll() {
    if (outcome_) return outcome_;
    pid_t ended = 0;
    while ((ended = waitpid(process_, &status_, WNOHANG)) < 0 && errno == EINTR) {
    }
    if (ended != 0) outcome_ = outcome_of(status_);
    return outcome_;
}

void TrainerProcess::interrupt() {
    if (process_ > 0 && !outcome_ && !asked_to_end_) kill(process_, SIGTERM);
    asked_to_end_ = true;
}

void TrainerProcess::throw_failure(const std::string& what) const {
    if (WIFSIGNALED(status_)) {
        const int signal = WTERMSIG(status_);
        throw std::runtime_error(fmt::format(
            "{}: polyformer-train was ended by signal {} ({}){}; the same command goes on from its last checkpoint",
            what, signal, sigabbrev_np(signal), signal == SIGKILL ? ", perhaps because no memory was left" : ""));
    }
    switch (WEXITSTATUS(status_)) {
        case trainer_bad_input:
            fail("{}", what);
        case trainer_io_error:
            fail<IoError>("{}", what);
        case trainer_bad_file:
            fail<FormatError>("{}", what);
        default:
            throw std::runtime_error(what);
    }
}

TrainerOutcome run_trainer(const TrainerOptions& options, const fs::path& folder) {
    TrainerProcess process(options, folder);
    std::optional<TrainerOutcome> outcome;
    while (!(outcome = process.poll())) {
        if (interruption_requested()) process.interrupt();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    require(*outcome != TrainerOutcome::diverged, "the stage in {} diverged", folder.string());
    if (*outcome == TrainerOutcome::failed)
        process.throw_failure(fmt::format("the stage in {} failed", folder.string()));
    return *outcome;
}

}  // namespace polyformer::train
