#include "polyformer/train/configuration/vision_architecture.h"

#include <numeric>

#include "polyformer/support/error.h"

namespace polyformer::train {

std::size_t VisionArchitecture::layers() const {
    return std::accumulate(stages.begin(), stages.end(), std::size_t{0},
                           [](std::size_t sum, const VisionStage& stage) { return sum + stage.layers; });
}

void check(const VisionArchitecture& model) {
    require(model.height % model.patch == 0 && model.width % model.patch == 0,
            "images of {}×{} pixels do not divide into patches of {}: choose a divisor of both", model.width,
            model.height, model.patch);
    require(model.kernel >= model.patch && (model.kernel - model.patch) % 2 == 0,
            "a kernel of {} pixels does not lie evenly around a patch of {}: take {} or {}", model.kernel, model.patch,
            model.patch, model.patch + 2);
    require(!model.stages.empty(), "a vision model needs at least one stage");
    for (std::size_t i = 0; i < model.stages.size(); ++i) {
        const VisionStage& stage = model.stages[i];
        const std::size_t merge = std::size_t{1} << i;
        require((model.height / model.patch) % merge == 0 && (model.width / model.patch) % merge == 0,
                "a grid of {}×{} patches cannot be halved {} times, as {} stages do", model.width / model.patch,
                model.height / model.patch, i, model.stages.size());
        require(stage.width % stage.heads == 0,
                "stage {}: width {} is not a multiple of heads {}: each head takes width / heads features", i,
                stage.width, stage.heads);
        require(stage.window == 0 || (model.rows(i) % stage.window == 0 && model.columns(i) % stage.window == 0),
                "stage {}: windows of {}×{} patches do not tile a grid of {}×{}: choose a divisor of both", i,
                stage.window, stage.window, model.columns(i), model.rows(i));
    }
    require(model.attention.key_weights == "equal",
            "attention.key_weights '{}' is for texts: images take \"equal\", and positions \"relative\"",
            model.attention.key_weights);
    require(
        model.positions != "relative" || model.stages.front().window > 0 || model.rows(0) * model.columns(0) <= 1024,
        "relative positions in one window of {} patches take a table of {} values a head: choose windows",
        model.rows(0) * model.columns(0), model.rows(0) * model.columns(0) * model.rows(0) * model.columns(0));
}

std::string obstacle_to_substitution(const VisionArchitecture& model) {
    for (const std::string& norm : {model.norm, model.hidden_norm}) {
        if (norm == "batch_norm" || norm == "none") continue;
        return fmt::format(
            "vision models are converted with BatchNorms alone, which fold into linear maps, not with '{}': train with "
            "model.norm \"batch_norm\"",
            norm);
    }
    return obstacle_to_substitution(model.attention);
}

nlohmann::ordered_json to_json(const VisionArchitecture& model) {
    nlohmann::ordered_json stages = nlohmann::ordered_json::array();
    for (const VisionStage& stage : model.stages) {
        stages.push_back({{"layers", stage.layers},
                          {"width", stage.width},
                          {"heads", stage.heads},
                          {"feed_forward", stage.feed_forward},
                          {"window", stage.window}});
    }
    return {{"height", model.height},         {"width", model.width},   {"classes", model.classes},
            {"patch", model.patch},           {"kernel", model.kernel}, {"stages", stages},
            {"positions", model.positions},   {"local", model.local},   {"attention", to_json(model.attention)},
            {"score_norm", model.score_norm}, {"norm", model.norm},     {"hidden_norm", model.hidden_norm},
            {"activation", model.activation}};
}

nlohmann::ordered_json to_json(const Augmentation& augmentation) {
    return {{"crop", augmentation.crop},
            {"flip", augmentation.flip},
            {"mix_share", augmentation.mix_share},
            {"cutmix", augmentation.cutmix},
            {"mixup", augmentation.mixup},
            {"erase_share", augmentation.erase_share},
            {"label_smoothing", augmentation.label_smoothing}};
}

}  // namespace polyformer::train
