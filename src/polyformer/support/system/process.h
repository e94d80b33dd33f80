// What this process takes, time and memory, and where it was started from.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

namespace polyformer {

/// Greatest resident memory so far, in bytes.
std::size_t peak_resident_bytes();

/// Page faults so far that needed no disk: mostly memory touched for the first time.
std::size_t minor_page_faults();

/// Processor seconds so far, of all threads, what the system took for them included. Other programs change them less
/// than they change time by the clock.
double processor_seconds();

/// Where the program `name` lies when it was installed together with this one: in the same folder. It need not be
/// there.
std::filesystem::path program_beside_this(const std::string& name);

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
