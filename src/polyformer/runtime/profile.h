// Where the time of a run went, step by step.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace polyformer::runtime {

/// One row of a profile.
struct ProfileEntry {
    std::string step;
    std::string operation;
    int level = 0;
    double seconds = 0;            ///< by the clock
    double processor_seconds = 0;  ///< of all threads
    double planned_seconds = 0;    ///< by the clock, as the plan has them
};

/// What several steps took together.
struct StepTimes {
    std::size_t steps = 0;
    double seconds = 0;
    double processor_seconds = 0;
    double planned_seconds = 0;
    StepTimes& operator+=(const ProfileEntry& entry);
};

/// "layers.0.attention.scores" → "layers.0"; what is in no layer goes by its first part.
std::string layer_of(const std::string& step);

/// The seconds of every step of a run, in order.
struct Profile {
    std::vector<ProfileEntry> entries;
    /// By kind of operation, and by layer ("layers.0", ...).
    std::map<std::string, StepTimes> by_operation() const;
    std::map<std::string, StepTimes> by_layer() const;
};

}  // namespace polyformer::runtime
