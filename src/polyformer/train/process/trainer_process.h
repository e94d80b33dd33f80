// Starts polyformer-train on a stage's folder and says what became of it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace polyformer::train {

/// How to start polyformer-train.
struct TrainerOptions {
    std::filesystem::path program;      ///< polyformer-train; empty: beside this program
    std::size_t threads = 1;            ///< of LibTorch; 0: one for each core, shared out among trainers
    std::string device = "cpu";         ///< "cpu", "cuda", "cuda:N" or "auto"
    std::string precision = "float32";  ///< or "bfloat16", mixed precision
    bool quiet = false;
};

enum class TrainerOutcome { complete, interrupted, diverged, failed };

/// Throws Error when polyformer-train is missing: a build without LibTorch.
void require_trainer(const TrainerOptions& options);

/// The number of threads that `options` ask for, when `trainers` run at a time.
std::size_t threads_of(const TrainerOptions& options, std::size_t trainers = 1);

/// A running polyformer-train. It does not outlive this process: when this one ends in whatever way, it saves and ends
/// as after interrupt(). The destructor does so, too, and waits for it.
class TrainerProcess {
  public:
    /// Its messages go to standard error, or into `log`. Throws Error when the program is missing, IoError when it
    /// cannot be started. The thread that makes it must live as long as it.
    TrainerProcess(const TrainerOptions& options, const std::filesystem::path& folder,
                   const std::filesystem::path& log = {});
    ~TrainerProcess();
    TrainerProcess(TrainerProcess&& other) noexcept;
    TrainerProcess(const TrainerProcess&) = delete;
    TrainerProcess& operator=(const TrainerProcess&) = delete;
    TrainerProcess& operator=(TrainerProcess&&) = delete;

    /// How it ended, or nothing while it runs.
    std::optional<TrainerOutcome> poll();
    /// Asks it to save a checkpoint and end. Returns at once.
    void interrupt();
    /// Of one that failed: what its exit code, or the signal that ended it, says. Throws as the trainer did: IoError,
    /// FormatError, Error; std::runtime_error for a crash. `what` begins the message.
    [[noreturn]] void throw_failure(const std::string& what) const;

  private:
    std::filesystem::path program_;
    pid_t process_ = 0;
    bool asked_to_end_ = false;
    int status_ = 0;  // as waitpid() gives it
    std::optional<TrainerOutcome> outcome_;
};

/// Runs it to its end, or to a checkpoint when an InterruptionGuard's signal comes. Throws as throw_failure() does;
/// Error when the stage diverged.
TrainerOutcome run_trainer(const TrainerOptions& options, const std::filesystem::path& folder);

}  // namespace polyformer::train
