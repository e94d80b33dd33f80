#include "polyformer/cli/common/times_table.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "polyformer/support/table.h"

namespace polyformer::cli {

namespace {

void add_rows(std::vector<std::vector<std::string>>& rows, const std::map<std::string, runtime::StepTimes>& times,
              double total) {
    const auto seconds = [](double value) { return fmt::format("{:.2f}", value); };
    for (const auto& [name, time] : times) {
        rows.push_back({name, fmt::format("{}", time.steps), seconds(time.seconds),
                        fmt::format("{:.1f} %", 100 * time.seconds / total), seconds(time.planned_seconds),
                        seconds(time.processor_seconds)});
    }
}

}  // namespace

std::string describe(const runtime::Profile& profile, double total) {
    std::vector<std::vector<std::string>> rows{
        {"operation", "steps", "seconds", "share", "planned", "processor seconds"}};
    add_rows(rows, profile.by_operation(), total);
    rows.push_back({"layer", "", "", "", "", ""});
    add_rows(rows, profile.by_layer(), total);
    return format_table(rows);
}

nlohmann::json times_by_operation(const runtime::Profile& profile) {
    nlohmann::json object = nlohmann::json::object();
    for (const auto& [name, time] : profile.by_operation()) {
        object[name] = {{"steps", time.steps},
                        {"seconds", time.seconds},
                        {"processor_seconds", time.processor_seconds},
                        {"planned_seconds", time.planned_seconds}};
    }
    return object;
}

}  // namespace polyformer::cli
