#include "polyformer/train/run/commands.h"

#include <algorithm>
#include <string>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/data/data_identity.h"
#include "polyformer/train/data/prepare.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The requests of all stages, each in its folder under `work`.
std::vector<StageRequest> road_of(const Config& config, const fs::path& work) {
    const Json data = data_identity(work, config);
    std::vector<StageRequest> road;
    for (const std::string& stage : stages_of(config)) {
        StageRequest request{
            .stage = stage, .config = config, .recipe = {}, .prepared = work, .parent = {}, .model = {}};
        request.recipe = recipe_of(stage, config, data, road.empty() ? Json() : road.back().recipe);
        if (!road.empty()) request.parent = work / road.back().stage;
        road.push_back(std::move(request));
    }
    return road;
}

bool run_stage_of(const StageRequest& request, const TrainOptions& options) {
    const fs::path folder = options.work / request.stage;
    fs::create_directories(folder);
    require(!fs::exists(folder / "stage.json") || load_request(folder).recipe == request.recipe,
            "{} holds a stage of another configuration or data set: work in another folder, or delete this one",
            folder.string());
    save_request(request, folder);
    return run_trainer(options.trainer, folder) == TrainerOutcome::complete;
}

bool run_named_stage(const TrainOptions& options, const std::string& stage) {
    const Config config = load_config(options.config);
    prepare(config, options.data, options.work, options.trainer.quiet);
    const std::vector<StageRequest> road = road_of(config, options.work);
    const auto found =
        std::find_if(road.begin(), road.end(), [&](const StageRequest& request) { return request.stage == stage; });
    require(found != road.end(), "{} has no stage '{}': its {}.epochs are 0", options.config.string(), stage, stage);
    return run_stage_of(*found, options);
}

}  // namespace

bool run_train(const TrainOptions& options) {
    return run_named_stage(options, train_name);
}

bool run_tune(const TrainOptions& options) {
    return run_named_stage(options, tune_name);
}

bool run_convert(const TrainOptions& options, const fs::path& model) {
    const Config config = load_config(options.config);
    const std::string obstacle = obstacle_to_substitution(config);
    require(obstacle.empty(), "{}: {}", options.config.string(), obstacle);
    prepare(config, options.data, options.work, options.trainer.quiet);
    std::vector<StageRequest> road = road_of(config, options.work);
    road.back().model = model;
    const bool tuned = road.back().stage == convert_name;
    if (tuned && !run_stage_of(road[road.size() - 2], options)) return false;
    return run_stage_of(road.back(), options);
}

}  // namespace polyformer::train
