#include "polyformer/train/run/commands.h"

#include <algorithm>
#include <string>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/data/data_identity.h"
#include "polyformer/train/data/data_sources.h"
#include "polyformer/train/data/prepare.h"
#include "polyformer/train/process/folder_lock.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool is_begun(const fs::path& folder) {
    return fs::exists(folder / "stage.json");
}

// Refuses to go on with data other than what a stage in `work` was trained on, before anything is made of them.
void require_same_data(const fs::path& work, const Json& digests) {
    const fs::path folder = work / train_name;
    if (!is_begun(folder)) return;
    const Json recipe = load_request(folder).recipe;
    require(
        recipe.contains("version"),
        "{} holds a stage of an older version of Polyformer, which did not note what data it is of: work in another "
        "folder, or delete this one",
        folder.string());
    const Json& trained_on = data_in(recipe);
    for (const char* split : {"train", "valid"}) {
        require(trained_on.value(split, std::string()) == digests.at(split).get<std::string>(),
                "{} holds a stage of another data set: its '{}' data were others (or those in --data have changed "
                "since). Work in another folder, or delete this one",
                folder.string(), split);
    }
}

// The precision of a stage's gradient descent: as asked for, or, of those before it, as they were trained.
std::string precision_of(const std::string& stage, const std::string& named, const TrainOptions& options) {
    if (stage == named || !is_begun(options.work / stage)) return options.trainer.precision;
    return load_request(options.work / stage).recipe.value("precision", options.trainer.precision);
}

// The requests of all stages up to `named`, each in its folder under `work`.
std::vector<StageRequest> road_to(const std::string& named, const Config& config, const TrainOptions& options) {
    const fs::path& work = options.work;
    const Json data = data_identity(work, config);
    std::vector<StageRequest> road;
    for (const std::string& stage : stages_of(config)) {
        StageRequest request{
            .stage = stage, .config = config, .recipe = {}, .prepared = work, .parent = {}, .model = {}};
        request.recipe = recipe_of(stage, config, data, road.empty() ? Json() : road.back().recipe,
                                   precision_of(stage, named, options));
        if (!road.empty()) request.parent = work / road.back().stage;
        road.push_back(std::move(request));
        if (stage == named) break;
    }
    return road;
}

void require_recipe(const fs::path& folder, const Json& recipe) {
    if (!is_begun(folder)) return;
    const Json found = load_request(folder).recipe;
    require(found == recipe,
            "{} holds a stage of another configuration or data set ({}): work in another folder, or delete this one",
            folder.string(), difference(found, recipe));
}

bool run_stage_of(const StageRequest& request, const TrainOptions& options) {
    check_interruption();
    const fs::path folder = options.work / request.stage;
    make_directory(folder);
    require_recipe(folder, request.recipe);
    save_request(request, folder);
    return run_trainer(options.trainer, folder) == TrainerOutcome::complete;
}

// Runs the last `count` stages of the road to `named`. What is wrong is said before any data are prepared.
bool run_stages(const TrainOptions& options, const Config& config, const std::string& named, std::size_t count,
                const fs::path& model = {}) {
    const std::vector<std::string> stages = stages_of(config);
    const auto found = std::find(stages.begin(), stages.end(), named);
    require(found != stages.end(), "{} has no stage '{}': its {}.epochs are 0", options.config.string(), named, named);
    require_trainer(options.trainer);
    const auto first = static_cast<std::size_t>(found - stages.begin()) + 1 - count;
    if (first > 0) {
        const fs::path parent = options.work / stages[first - 1];
        require(load_results(parent).value("complete", false),
                "{} holds no complete stage to start '{}' from: run 'polyformer {}' first", parent.string(), named,
                stages[first - 1]);
    }
    const InterruptionGuard interruption;
    try {
        const FolderLock lock(options.work);
        const Json digests = source_digests(options.data, config);
        require_same_data(options.work, digests);
        prepare(config, options.data, digests, options.work, options.trainer.quiet);
        std::vector<StageRequest> road = road_to(named, config, options);
        for (const StageRequest& request : road) require_recipe(options.work / request.stage, request.recipe);
        road.back().model = model;
        for (std::size_t i = first; i < road.size(); ++i) {
            if (!run_stage_of(road[i], options)) return false;
        }
        return true;
    } catch (const Interrupted& interrupted) {
        if (!options.trainer.quiet) to_stderr("{}\n", interrupted.what());
        return false;
    }
}

}  // namespace

bool run_train(const TrainOptions& options) {
    return run_stages(options, load_config(options.config), train_name, 1);
}

bool run_tune(const TrainOptions& options) {
    return run_stages(options, load_config(options.config), tune_name, 1);
}

bool run_convert(const TrainOptions& options, const fs::path& model) {
    const Config config = load_config(options.config);
    const std::string obstacle = obstacle_to_substitution(config);
    require(obstacle.empty(), "{}: {}", options.config.string(), obstacle);
    require_replaceable(model);  // hours before it is written
    const std::string last = stages_of(config).back();
    return run_stages(options, config, last, last == convert_name ? 2 : 1, model);
}

}  // namespace polyformer::train
