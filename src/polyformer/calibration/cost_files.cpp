#include "polyformer/calibration/cost_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "polyformer/calibration/machine.h"
#include "polyformer/compile/plan/costs_json.h"
#include "polyformer/support/error.h"
#include "polyformer/support/json_head.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::calibration {

namespace {

constexpr const char* kFormat = "polyformer-costs";
constexpr std::size_t kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{1} << 16;

/// The value of an environment variable that names a folder by its whole path.
std::optional<std::filesystem::path> folder_named(const char* variable) {
    const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value == nullptr || value[0] != '/') return std::nullopt;
    return value;
}

}  // namespace

void save_costs(const std::filesystem::path& path, const compile::CostModel& costs) {
    const nlohmann::json document{{"format", kFormat}, {"version", kVersion}, {"costs", compile::costs_to_json(costs)}};
    write_file(path, to_text(document, 1) + "\n");
}

compile::CostModel load_costs(const std::filesystem::path& path) {
    const std::string label = fmt::format("'{}'", path.string());
    const nlohmann::json document = parse_json(read_file(path, kMaxBytes), label);
    Fields fields(document, label);
    read_head(fields, kFormat, kVersion);
    compile::CostModel costs = compile::costs_from_json(fields.object("costs"), label + ": costs");
    fields.finish();
    return costs;
}

std::optional<std::filesystem::path> cache_file() {
    std::optional<std::filesystem::path> folder = folder_named("XDG_CACHE_HOME");
    if (!folder) {
        folder = folder_named("HOME");
        if (!folder) return std::nullopt;
        *folder /= ".cache";
    }
    const compile::Machine machine = this_machine();
    const std::string key = fmt::format("{}\n{}\n{}\n{}", kVersion, machine.processor, machine.kernels, thread_count());
    return *folder / "polyformer" / fmt::format("costs-{}.json", blake2b_hex(key).substr(0, 16));
}

std::optional<compile::CostModel> kept_costs(const Listener& listener) {
    const std::optional<std::filesystem::path> file = cache_file();
    std::error_code ignored;
    if (!file || !std::filesystem::exists(*file, ignored)) return std::nullopt;
    try {
        require<FormatError>(std::filesystem::is_regular_file(*file), "'{}' is no regular file", file->string());
        compile::CostModel costs = load_costs(*file);
        if (costs.machine == this_machine() && costs.threads == static_cast<double>(thread_count())) return costs;
        listener.note(fmt::format("'{}' holds costs of {} on {} threads, not of this machine: measuring anew",
                                  file->string(), describe(costs.machine), costs.threads));
    } catch (const Error& error) {
        listener.note(fmt::format("{}: measuring anew", error.what()));
    }
    return std::nullopt;
}

compile::CostModel measure_and_keep(const Listener& listener) {
    const compile::CostModel costs =
        measure_costs(ckks::Parameters::create(ckks::presets::bootstrapping_65536()), {}, listener.progress);
    const std::optional<std::filesystem::path> file = cache_file();
    if (!file) {
        listener.note("neither XDG_CACHE_HOME nor HOME names a folder: this machine's costs are not kept");
        return costs;
    }
    try {
        make_directory(file->parent_path());
        save_costs(*file, costs);
    } catch (const Error& error) {
        listener.note(fmt::format("this machine's costs are not kept: {}", error.what()));
    }
    return costs;
}

compile::CostModel choose_costs(const std::string& source, const Listener& listener) {
    if (source == "builtin") {
        compile::CostModel costs;
        costs.threads = static_cast<double>(thread_count());
        return costs;
    }
    if (source != "measured") return load_costs(source);
    if (const auto kept = kept_costs(listener)) return *kept;
    listener.note("measuring this machine once, for the times of plans (5 s)");
    return measure_and_keep(listener);
}

}  // namespace polyformer::calibration
