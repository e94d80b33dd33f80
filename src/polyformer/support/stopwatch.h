// Seconds that something takes.
#pragma once

#include <chrono>

namespace polyformer {

/// Wall-clock time since it was made.
class Stopwatch {
  public:
    /// Seconds since it was made or last restarted.
    double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
    /// The same, and starts again from zero.
    double restart() {
        const double passed = seconds();
        start_ = Clock::now();
        return passed;
    }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point start_ = Clock::now();
};

}  // namespace polyformer
