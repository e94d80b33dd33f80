#include "polyformer/calibration/machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::calibration {

namespace {

constexpr std::size_t kMaxName = 120;

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The first value of each key: of "key : value" in each line.
std::map<std::string, std::string, std::less<>> fields_of(std::string_view cpuinfo) {
    std::map<std::string, std::string, std::less<>> fields;
    while (!cpuinfo.empty()) {
        const std::string_view line = cpuinfo.substr(0, cpuinfo.find('\n'));
        cpuinfo.remove_prefix(std::min(cpuinfo.size(), line.size() + 1));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        fields.try_emplace(std::string(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
    }
    return fields;
}

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

std::string processor_name(std::string_view cpuinfo) {
    const auto fields = fields_of(cpuinfo);
    std::string name;
    std::string details;
    // The first is x86's, the others are ARM's.
    for (const char* key : {"model name", "Model", "Hardware"}) {
        const auto found = fields.find(key);
        if (name.empty() && found != fields.end()) name = found->second;
    }
    for (const char* key : {"cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU variant"}) {
        const auto found = fields.find(key);
        if (found == fields.end() || found->second.empty()) continue;
        details += fmt::format("{}{} {}", details.empty() ? "" : ", ", key, found->second);
    }
    if (name.empty() && details.empty()) return "unknown processor";
    if (!details.empty()) name += fmt::format("{}({})", name.empty() ? "processor " : " ", details);
    std::ranges::replace_if(
        name, [](char c) { return c < ' ' || c > '~'; }, '?');
    return name.substr(0, kMaxName);
}

compile::Machine this_machine() {
    std::ifstream file("/proc/cpuinfo");
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    return {.processor = processor_name(text), .kernels = std::string(ckks::kernels().name)};
}

}  // namespace polyformer::calibration
