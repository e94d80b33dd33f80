// Timing for the benchmarks: medians over repeated runs, on one thread or on several at once.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace polyformer::cli {

/// Wall-clock seconds of repeated runs, and processor seconds of all threads, which other programs change less.
struct Timing {
    double median = 0;
    double fastest = 0;
    double slowest = 0;
    std::size_t runs = 0;
    double processor = 0;  ///< of a run, on average; 0 where it was not measured
};

/// When to stop repeating: after at least `runs` runs and `seconds` seconds.
struct Repetition {
    std::size_t runs = 7;
    double seconds = 0.2;
};

/// The timing of some runs, at least one.
Timing summarise(std::vector<double> seconds);

/// Seconds of a single run.
double measure_once(const std::function<void()>& work);

/// Runs `work` once uncounted, then until `repetition` is reached.
Timing measure(const std::function<void()>& work, Repetition repetition = {});

/// The same on `threads` threads at once, each with the work that `make_work` gives it; a run lasts until the last
/// thread is done. The threads are plain ones, so that every one has its work at the same time.
Timing measure_on_threads(std::size_t threads, const std::function<std::function<void()>()>& make_work,
                          Repetition repetition = {});

/// {"seconds": median, "fastest": …, "slowest": …, "runs": …, "processor_seconds": …}
nlohmann::json to_json(const Timing& timing);

/// "0.075" milliseconds, "34.1", "3600": three digits, no unit.
std::string format_milliseconds(double seconds);

}  // namespace polyformer::cli
