#include "polyformer/support/system/processor.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

namespace polyformer {

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

}  // namespace

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

std::string processor_name() {
    std::ifstream file("/proc/cpuinfo");
    return processor_name(std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

}  // namespace polyformer
