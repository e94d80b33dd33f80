// Ctrl-C, SIGTERM and SIGHUP end a stage after the step in hand, with a checkpoint to go on from.
#pragma once

#include <csignal>
#include <stdexcept>

namespace polyformer::train {

/// The signals that ask a run to end.
inline constexpr int interrupting_signals[] = {SIGINT, SIGTERM, SIGHUP};

/// Thrown by check_interruption(): the run was asked to end, and what it has not finished is to be dropped.
class Interrupted : public std::runtime_error {
  public:
    Interrupted() : std::runtime_error("interrupted: the same command goes on from here") {}
};

/// While one exists, these signals are noted instead of ending the process; those that the process was started to
/// ignore (nohup) stay ignored. Guards within a guard change nothing.
class InterruptionGuard {
  public:
    InterruptionGuard();
    ~InterruptionGuard();
    InterruptionGuard(const InterruptionGuard&) = delete;
    InterruptionGuard& operator=(const InterruptionGuard&) = delete;
    InterruptionGuard(InterruptionGuard&&) = delete;
    InterruptionGuard& operator=(InterruptionGuard&&) = delete;
};

/// Whether a signal came since the outermost guard was made; never without a guard.
bool interruption_requested();

/// Throws Interrupted when one came.
void check_interruption();

/// For long work that cannot be asked to end and leaves nothing half-written: while one exists, a signal that a guard
/// would note ends the process at once, with trainer_interrupted as its exit code.
class EndAtOnce {
  public:
    /// Throws Interrupted when a signal came already.
    EndAtOnce();
    ~EndAtOnce();
    EndAtOnce(const EndAtOnce&) = delete;
    EndAtOnce& operator=(const EndAtOnce&) = delete;
    EndAtOnce(EndAtOnce&&) = delete;
    EndAtOnce& operator=(EndAtOnce&&) = delete;
};

}  // namespace polyformer::train
