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
    std::size_t threads = 1;            ///< of LibTorch
    std::string device = "cpu";         ///< "cpu", "cuda", "cuda:N" or "auto"
    std::string precision = "float32";  ///< or "bfloat16", mixed precision
    bool quiet = false;
};

enum class TrainerOutcome { complete, interrupted, diverged, failed };

/// While one exists, Ctrl-C does not end this process: the trainer, which gets it too, saves and ends first.
class TrainerLeadsInterrupts {
  public:
    TrainerLeadsInterrupts();
    ~TrainerLeadsInterrupts();
    TrainerLeadsInterrupts(const TrainerLeadsInterrupts&) = delete;
    TrainerLeadsInterrupts& operator=(const TrainerLeadsInterrupts&) = delete;
    TrainerLeadsInterrupts(TrainerLeadsInterrupts&&) = delete;
    TrainerLeadsInterrupts& operator=(TrainerLeadsInterrupts&&) = delete;

  private:
    using Handler = void (*)(int);
    Handler previous_;
};

/// A running polyformer-train. The destructor waits for it.
class TrainerProcess {
  public:
    /// Its messages go to standard error, or into `log`. Throws Error when the program is missing (a build without
    /// LibTorch) or cannot be started.
    TrainerProcess(const TrainerOptions& options, const std::filesystem::path& folder,
                   const std::filesystem::path& log = {});
    ~TrainerProcess();
    TrainerProcess(TrainerProcess&& other) noexcept;
    TrainerProcess(const TrainerProcess&) = delete;
    TrainerProcess& operator=(const TrainerProcess&) = delete;
    TrainerProcess& operator=(TrainerProcess&&) = delete;

    /// How it ended, or nothing while it runs. Throws Error when a signal ended it.
    std::optional<TrainerOutcome> poll();
    TrainerOutcome wait();
    /// Asks it to save a checkpoint and end.
    void interrupt() const;

  private:
    std::optional<TrainerOutcome> collect(int flags);

    std::filesystem::path program_;
    pid_t process_ = 0;
    std::optional<TrainerOutcome> outcome_;
};

/// Runs it to its end. Throws Error when it fails.
TrainerOutcome run_trainer(const TrainerOptions& options, const std::filesystem::path& folder);

}  // namespace polyformer::train
