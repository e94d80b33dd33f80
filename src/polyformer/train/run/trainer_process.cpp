#include "polyformer/train/run/trainer_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/system/process.h"
#include "polyformer/train/run/trainer_exit_codes.h"

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

}  // namespace

TrainerLeadsInterrupts::TrainerLeadsInterrupts() : previous_(std::signal(SIGINT, SIG_IGN)) {}

TrainerLeadsInterrupts::~TrainerLeadsInterrupts() {
    static_cast<void>(std::signal(SIGINT, previous_));
}

TrainerProcess::TrainerProcess(const TrainerOptions& options, const fs::path& folder, const fs::path& log)
    : program_(find_program(options)) {
    help_openblas();
    std::vector<std::string> words = {program_.string(), folder.string(), fmt::format("--threads={}", options.threads),
                                      "--device=" + options.device, "--precision=" + options.precision};
    if (options.quiet) words.emplace_back("--quiet");
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);

    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (!log.empty()) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    }
    const int error = posix_spawn(&process_, program_.c_str(), &actions, &attributes, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    require(error == 0, "{} cannot be started: {}", program_.string(), std::strerror(error));
}

TrainerProcess::TrainerProcess(TrainerProcess&& other) noexcept
    : program_(std::move(other.program_)), process_(std::exchange(other.process_, 0)), outcome_(other.outcome_) {}

TrainerProcess::~TrainerProcess() {
    if (process_ == 0 || outcome_) return;
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
}

std::optional<TrainerOutcome> TrainerProcess::collect(int flags) {
    if (outcome_) return outcome_;
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(process_, &status, flags)) < 0 && errno == EINTR) {
    }
    if (ended == 0) return std::nullopt;
    outcome_ = TrainerOutcome::failed;
    require(WIFEXITED(status), "{} was ended by signal {}: the same command goes on from its last checkpoint",
            program_.string(), WTERMSIG(status));
    switch (WEXITSTATUS(status)) {
        case trainer_complete:
            outcome_ = TrainerOutcome::complete;
            break;
        case trainer_interrupted:
            outcome_ = TrainerOutcome::interrupted;
            break;
        case trainer_diverged:
            outcome_ = TrainerOutcome::diverged;
            break;
        default:
            break;
    }
    return outcome_;
}

std::optional<TrainerOutcome> TrainerProcess::poll() {
    return collect(WNOHANG);
}

TrainerOutcome TrainerProcess::wait() {
    return *collect(0);
}

void TrainerProcess::interrupt() const {
    if (process_ != 0 && !outcome_) kill(process_, SIGTERM);
}

TrainerOutcome run_trainer(const TrainerOptions& options, const fs::path& folder) {
    const TrainerLeadsInterrupts guard;
    TrainerProcess process(options, folder);
    const TrainerOutcome outcome = process.wait();
    require(outcome != TrainerOutcome::diverged && outcome != TrainerOutcome::failed, "the stage in {} {}",
            folder.string(), outcome == TrainerOutcome::diverged ? "diverged" : "failed");
    return outcome;
}

}  // namespace polyformer::train
