#include "polyformer/runtime/profile.h"

namespace polyformer::runtime {

std::string layer_of(const std::string& step) {
    const std::size_t first = step.find('.');
    if (first == std::string::npos || step.substr(0, first) != "layers") return step.substr(0, first);
    return step.substr(0, step.find('.', first + 1));
}

std::map<std::string, double> Profile::by_operation() const {
    std::map<std::string, double> seconds;
    for (const ProfileEntry& entry : entries) seconds[entry.operation] += entry.seconds;
    return seconds;
}

std::map<std::string, double> Profile::by_layer() const {
    std::map<std::string, double> seconds;
    for (const ProfileEntry& entry : entries) seconds[layer_of(entry.step)] += entry.seconds;
    return seconds;
}

}  // namespace polyformer::runtime
