#include "polyformer/train/distillation/distil_request.h"

#include <algorithm>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/text.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t most_updates = 100'000'000;
constexpr std::size_t most_batch = 1 << 20;
constexpr std::size_t most_context = 1 << 16;
constexpr double warmup_share = 0.05;  // of all updates
constexpr double penalty_ramp = 0.1;

fs::path file_in(const fs::path& folder) {
    return folder / "distil.json";
}

DistilSettings settings_from(const Json& json, const std::string& place) {
    DistilSettings settings;
    Settings section(json, place);
    section.choose("attention", settings.attention, student_attentions);
    section.read("context", settings.context, 1, most_context);
    section.read("updates", settings.updates, 1, most_updates);
    section.read("batch", settings.batch, 1, most_batch);
    section.read("learning_rate", settings.learning_rate, 0, 1);
    section.read("range_weight", settings.range_weight, 0, 1e6);
    section.read("variance_weight", settings.variance_weight, 0, 1e6);
    section.read("scores", settings.scores, 1e-3, 1e6);
    section.read("hidden", settings.hidden, 1e-3, 1e6);
    section.read("variance_ratio", settings.variance_ratio, 1, 1e9);
    std::size_t seed = settings.seed;
    section.read("seed", seed, 0, SIZE_MAX);
    settings.seed = seed;
    section.finish();
    return settings;
}

}  // namespace

Json to_json(const DistilSettings& settings) {
    return {{"attention", settings.attention},
            {"context", settings.context},
            {"updates", settings.updates},
            {"batch", settings.batch},
            {"learning_rate", settings.learning_rate},
            {"range_weight", settings.range_weight},
            {"variance_weight", settings.variance_weight},
            {"scores", settings.scores},
            {"hidden", settings.hidden},
            {"variance_ratio", settings.variance_ratio},
            {"seed", settings.seed}};
}

Schedule schedule_of(const DistilSettings& settings, std::size_t steps_per_epoch) {
    Schedule schedule;
    schedule.epochs = static_cast<double>(settings.updates) / static_cast<double>(steps_per_epoch);
    schedule.batch = settings.batch;
    schedule.learning_rate = settings.learning_rate;
    schedule.warmup_steps = static_cast<std::size_t>(warmup_share * static_cast<double>(settings.updates));
    schedule.weight_decay = 0.01;
    schedule.range_weight = settings.range_weight;
    schedule.variance_weight = settings.variance_weight;
    schedule.penalty_ramp = penalty_ramp;
    return schedule;
}

void save_request(const DistilRequest& request, const fs::path& folder) {
    for (const fs::path& path : {request.teacher, request.prepared, request.out}) {
        require(is_utf8(path.string()),
                "'{}': {} cannot hold a name that is not UTF-8; name another folder, or rename it", path.string(),
                file_in(folder).string());
    }
    const Json json = {{"settings", to_json(request.settings)},
                       {"teacher", request.teacher.string()},
                       {"prepared", request.prepared.string()},
                       {"out", request.out.string()},
                       {"recipe", request.recipe}};
    write_file(file_in(folder), to_text(json, 2) + "\n");
}

DistilRequest load_distil_request(const fs::path& folder) {
    const std::string file = file_in(folder).string();
    const Json json = parse_ordered_json(read_file(file, std::size_t{1} << 24), file);
    Settings section(json, file);
    DistilRequest request;
    request.settings = settings_from(section.object("settings"), file + ".settings");
    request.teacher = section.text("teacher");
    request.prepared = section.text("prepared");
    request.out = section.text("out");
    request.recipe = section.object("recipe");
    section.finish();
    return request;
}

bool is_distillation(const fs::path& folder) {
    return fs::exists(file_in(folder));
}

}  // namespace polyformer::train
