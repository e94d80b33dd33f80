#include "polyformer/train/study/study_plan.h"

#include <map>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/train/data/data_identity.h"
#include "polyformer/train/data/prepared_text.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

double work_of(const StageRequest& request, double training_tokens) {
    const Config& config = request.config;
    if (request.stage == train_name) return config.train.epochs * training_tokens;
    if (request.stage == tune_name) return config.tune.epochs * training_tokens;
    if (request.stage == convert_name) return config.convert.epochs * training_tokens;
    return 0.05 * training_tokens;  // calibration and trials
}

// What an epoch reads: tokens or images.
double examples_of(const Json& identity) {
    return identity.at(identity.contains("tokens") ? "tokens" : "images").get<double>();
}

// Collects stages by the digest of their recipe.
class Planner {
  public:
    Planner(const fs::path& work, std::string precision) : work_(work), precision_(std::move(precision)) {}

    void add(std::size_t index, const Variant& variant, std::uint64_t seed) {
        Config config = variant.config;
        config.seed = seed;
        const fs::path prepared = prepared_folder(work_, config);
        const Data& data = data_in(prepared, config);
        const Json& identity = data.identity;
        StudyRun run{.variant = index, .seed = seed, .stages = {}};
        Json parent;
        fs::path parent_folder;
        for (const std::string& name : stages_of(config)) {
            StageRequest request{.stage = name,
                                 .config = config,
                                 .recipe = recipe_of(name, config, identity, parent, precision_),
                                 .prepared = prepared,
                                 .parent = parent_folder,
                                 .model = {}};
            parent = request.recipe;
            const std::size_t stage = find_or_add(std::move(request), examples_of(identity));
            StudyStage& shared = plan_.stages[stage];
            parent_folder = shared.folder;
            const bool last = name == variant.last_stage;
            shared.request.measure_test |= variant.measure_test;
            shared.request.measure_stability |= variant.measure_stability;
            shared.request.test_digest = data.test;
            if (last && variant.measure_interpreter && (name == substitute_name || name == convert_name)) {
                shared.interpreter = true;
                shared.request.model = shared.folder / "model";
            }
            run.stages.push_back(stage);
            if (last) break;
        }
        plan_.runs.push_back(std::move(run));
    }

    StudyPlan take() { return std::move(plan_); }

  private:
    struct Data {
        Json identity;
        std::string test;
    };

    const Data& data_in(const fs::path& prepared, const Config& config) {
        const auto [found, added] = data_.try_emplace(prepared);
        if (added) found->second = {data_identity(prepared, config), test_identity(prepared, config)};
        return found->second;
    }

    std::size_t find_or_add(StageRequest request, double training_tokens) {
        const std::string digest = digest_of(request.recipe);
        const auto [found, added] = by_digest_.try_emplace(digest, plan_.stages.size());
        if (added) {
            const double work = work_of(request, training_tokens);
            const fs::path folder = work_ / "stages" / (request.stage + "-" + digest);
            plan_.stages.push_back({.folder = folder, .request = std::move(request), .work = work});
        }
        return found->second;
    }

    fs::path work_;
    std::string precision_;
    std::map<fs::path, Data> data_;
    StudyPlan plan_;
    std::map<std::string, std::size_t> by_digest_;
};

}  // namespace

fs::path prepared_folder(const fs::path& work, const Config& config) {
    if (config.vision) {
        return work / "images" / fmt::format("{}x{}", config.vision->width, config.vision->height);
    }
    const Json key = {{"vocabulary", config.model.vocabulary},
                      {"algorithm", config.tokenizer.algorithm},
                      {"sentences", config.tokenizer.sentences}};
    return work / "texts" / digest_of(key);
}

StudyPlan plan_study(const StudyConfig& study, const fs::path& work, const std::string& precision) {
    Planner planner(work, precision);
    for (std::size_t i = 0; i < study.variants.size(); ++i) {
        for (const std::uint64_t seed : study.variants[i].seeds) planner.add(i, study.variants[i], seed);
    }
    return planner.take();
}

}  // namespace polyformer::train
