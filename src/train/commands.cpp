#include "train/commands.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "support/error.h"
#include "train/exit_codes.h"
#include "train/prepare.h"

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

// Runs the program and waits. Ctrl-C reaches both processes; this one leaves it to the trainer, which saves and ends.
int run_program(const fs::path& program, const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {program.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
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
    const auto previous = std::signal(SIGINT, SIG_IGN);
    pid_t child = 0;
    const int error = posix_spawn(&child, program.c_str(), nullptr, &attributes, pointers.data(), environ);
    posix_spawnattr_destroy(&attributes);
    int status = 0;
    while (error == 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    std::signal(SIGINT, previous);
    require(error == 0, "{} cannot be started: {}", program.string(), std::strerror(error));
    require(WIFEXITED(status), "{} was ended by signal {}: the same command goes on from its last checkpoint",
            program.string(), WTERMSIG(status));
    return WEXITSTATUS(status);
}

bool run_trainer(const TrainOptions& options, std::vector<std::string> arguments) {
    const fs::path trainer = options.trainer.empty()
                                 ? fs::read_symlink("/proc/self/exe").parent_path() / "polyformer-train"
                                 : options.trainer;
    require(fs::exists(trainer),
            "{} is missing: training needs a build with LibTorch (package libtorch-dev, CMake option "
            "POLYFORMER_TRAINING=ON)",
            trainer.string());
    prepare(load_config(options.config), options.data, options.work, options.quiet);
    arguments.push_back("--threads=" + std::to_string(options.threads));
    if (options.quiet) arguments.emplace_back("--quiet");
    help_openblas();
    const int code = run_program(trainer, arguments);
    require(code == trainer_complete || code == trainer_interrupted, "{} failed with exit code {}", trainer.string(),
            code);
    return code == trainer_complete;
}

}  // namespace

bool run_train(const TrainOptions& options) {
    return run_trainer(options, {"train", options.work.string()});
}

bool run_tune(const TrainOptions& options) {
    return run_trainer(options, {"tune", options.work.string()});
}

bool run_convert(const TrainOptions& options, const fs::path& model) {
    return run_trainer(options, {"convert", options.work.string(), model.string()});
}

}  // namespace polyformer::train
