// Where the time of a run went, step by step.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace polyformer::runtime {

/// One row of a profile.
struct ProfileEntry {
    std::string step;
    std::string operation;
    int level = 0;
    double seconds = 0;
};

/// "layers.0.attention.scores" → "layers.0"; what is in no layer goes by its first part.
std::string layer_of(const std::string& step);

/// The seconds of every step of a run, in order.
struct Profile {
    std::vector<ProfileEntry> entries;
    /// Seconds by kind of operation, and by layer ("layers.0", ...).
    std::map<std::string, double> by_operation() const;
    std::map<std::string, double> by_layer() const;
};

}  // namespace polyformer::runtime
