// How long work takes: the median of several runs, by the clock and by processor time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

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
    double clock = 0;
    double processor = 0;

    friend Seconds operator/(const Seconds& a, double divisor) { return {a.clock / divisor, a.processor / divisor}; }
};

/// The medians of several runs; work(i) is run number i.
template <class Work>
Seconds median_seconds(const Effort& effort, Work work) {
    const auto threads = static_cast<double>(thread_count());
    std::vector<double> clock;
    std::vector<double> processor;
    std::size_t run = 0;
    work(run++);  // page faults, tables
    const Stopwatch all;
    for (; run <= effort.runs || all.seconds() < effort.seconds; ++run) {
        const double processor_before = processor_seconds();
        const Stopwatch one;
        work(run);
        clock.push_back(threads * one.seconds());
        processor.push_back(processor_seconds() - processor_before);
    }
    const auto median = [](std::vector<double>& values) {
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::ranges::nth_element(values, middle);
        return *middle;
    };
    return {median(clock), median(processor)};
}

}  // namespace polyformer::calibration
