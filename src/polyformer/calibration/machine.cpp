#include "polyformer/calibration/machine.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/system/processor.h"

namespace polyformer::calibration {

namespace {

/// Seconds that the machine's processors have worked so far, by the first line of /proc/stat: user, nice, system, idle,
/// waiting, interrupts in two kinds, and what other virtual machines took.
double busy_seconds() {
    std::ifstream file("/proc/stat");
    std::string label;
    file >> label;
    double ticks = 0;
    for (int i = 0; i < 8; ++i) {
        double value = 0;
        if (!(file >> value)) return 0;
        if (i != 3 && i != 4) ticks += value;
    }
    return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

OthersWork::OthersWork() : busy_(busy_seconds()), own_(processor_seconds()) {}

double OthersWork::share() const {
    const auto processors = static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
    const double others = busy_seconds() - busy_ - (processor_seconds() - own_);
    return std::max(0.0, others / (watch_.seconds() * processors));
}

compile::Machine this_machine() {
    return {.processor = processor_name(), .kernels = std::string(ckks::kernels().name)};
}

}  // namespace polyformer::calibration
