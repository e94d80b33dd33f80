#include "polyformer/runtime/profile.h"

namespace polyformer::runtime {

std::string layer_of(const std::string& step) {
    const std::size_t first = step.find('.');
    if (first == std::string::npos || step.substr(0, first) != "layers") return step.substr(0, first);
    return step.substr(0, step.find('.', first + 1));
}

StepTimes& StepTimes::operator+=(const ProfileEntry& entry) {
    ++steps;
    seconds += entry.seconds;
    processor_seconds += entry.processor_seconds;
    planned_seconds += entry.planned_seconds;
    return *this;
}

std::map<std::string, StepTimes> Profile::by_operation() const {
    std::map<std::string, StepTimes> times;
    for (const ProfileEntry& entry : entries) times[entry.operation] += entry;
    return times;
}

std::map<std::string, StepTimes> Profile::by_layer() const {
    std::map<std::string, StepTimes> times;
    for (const ProfileEntry& entry : entries) times[layer_of(entry.step)] += entry;
    return times;
}

}  // namespace polyformer::runtime
