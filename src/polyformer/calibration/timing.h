// How long work takes: the fastest of several runs, by the clock and by processor time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/process.h"

namespace polyformer::calibration {

/// How much of it, in all.
struct Effort {
    double seconds = 0.25;                      ///< at least, for each operation
    std::size_t runs = 4;                       ///< likewise
    std::size_t bytes = std::size_t{96} << 20;  ///< of ciphertexts that take turns, and as many of keys
};

/// Seconds of all threads together: by the clock, times their number, and by their processor time.
struct Seconds {
    double clock = std::numeric_limits<double>::infinity();
    double processor = std::numeric_limits<double>::infinity();

    friend Seconds operator/(const Seconds& a, double divisor) { return {a.clock / divisor, a.processor / divisor}; }
};

/// The fastest of several runs; work(i) is run number i.
template <class Work>
Seconds fastest(const Effort& effort, Work work) {
    const auto threads = static_cast<double>(thread_count());
    Seconds least;
    std::size_t run = 0;
    work(run++);  // page faults, tables
    const Stopwatch all;
    for (; run <= effort.runs || all.seconds() < effort.seconds; ++run) {
        const double processor_before = processor_seconds();
        const Stopwatch one;
        work(run);
        least.clock = std::min(least.clock, threads * one.seconds());
        least.processor = std::min(least.processor, processor_seconds() - processor_before);
    }
    return least;
}

}  // namespace polyformer::calibration
