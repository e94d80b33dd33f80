// What this machine can do at most, and how near to that a measured time comes.
//
// Arithmetic is counted in modular multiply-adds: one lazy accumulation of a product of two residues, the low and the
// high half of a 52-bit product on AVX-512 IFMA. Memory is counted in bytes that must move when every operand is read
// once and every result written once.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/cli/bench/measurement.h"

namespace polyformer::cli {

/// What an operation cannot do without.
struct Work {
    double multiply_adds = 0;
    double bytes = 0;
    /// All that is touched between two runs; decides which cache could hold it. 0: as many as `bytes`.
    double working_set = 0;
};

/// Measured rates of all threads together.
struct MachinePeak {
    std::size_t threads = 1;
    double multiply_adds_per_second = 0;
    /// Of working sets up to `capacity` bytes for each thread: second-level cache, last-level cache, memory.
    struct Bandwidth {
        std::string where;
        double capacity = 0;
        double bytes_per_second = 0;
    };
    std::vector<Bandwidth> bandwidths;

    const Bandwidth& bandwidth_for(double working_set) const;
};

/// Measures: arithmetic as the fastest of lazy inner product, weighted sums and product in the first-level cache,
/// bandwidth as the fastest of reading, copying and adding arrays. Takes about a second.
MachinePeak measure_peak(const ckks::Kernels& kernels, std::size_t threads);

/// A time beside the floor that peak and work set.
struct Roofline {
    double floor_seconds = 0;
    double share = 0;   ///< floor over measured time
    std::string bound;  ///< "arithmetic", or where the bytes come from: "memory", ...
};

/// `copies` is how many times the work was done at once (on as many threads).
Roofline roofline(const MachinePeak& peak, const Work& work, double seconds, std::size_t copies = 1);

nlohmann::json to_json(const MachinePeak& peak);
/// Timing, work and roofline in one object.
nlohmann::json to_json(const Timing& timing, const Work& work, const Roofline& roofline);

/// "29.7 G multiply-adds/s; 230 GB/s second-level cache, ..."
std::string describe(const MachinePeak& peak);

/// Heading and cells of the columns that every roofline table ends with: ms, million multiply-adds, MB, floor ms, share
/// of peak, bound.
std::vector<std::string> roofline_heading();
std::vector<std::string> roofline_cells(const Timing& timing, const Work& work, const Roofline& roofline);

}  // namespace polyformer::cli
