// Ctrl-C and SIGTERM end a stage after the step in hand, with a checkpoint to go on from.
#pragma once

namespace polyformer::train {

/// While one exists, SIGINT and SIGTERM set a flag instead of ending the process.
class InterruptionGuard {
  public:
    InterruptionGuard();
    ~InterruptionGuard();
    InterruptionGuard(const InterruptionGuard&) = delete;
    InterruptionGuard& operator=(const InterruptionGuard&) = delete;
    InterruptionGuard(InterruptionGuard&&) = delete;
    InterruptionGuard& operator=(InterruptionGuard&&) = delete;

    bool requested() const;

  private:
    using Handler = void (*)(int);
    Handler previous_interrupt_;
    Handler previous_terminate_;
};

}  // namespace polyformer::train
