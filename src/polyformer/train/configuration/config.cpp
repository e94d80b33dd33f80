#include "polyformer/train/configuration/config.h"

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;

void read_attention(Settings& section, Attention& attention) {
    section.choose("form", attention.form, attention_forms);
    section.choose("function", attention.function, attention_functions);
    section.choose("scale_before", attention.scale_before, length_factors);
    section.choose("scale_after", attention.scale_after, length_factors);
    section.choose("length", attention.length, length_choices);
    section.choose("key_weights", attention.key_weights, key_weight_choices);
    section.read("initial_score", attention.initial_score, -10, 10);
    section.read("power", attention.power, 2, 16);
    require<FormatError>(attention.power % 2 == 0, "{}.power: {} is odd, and weights must not be negative",
                         section.place(), attention.power);
}

void read_architecture(Settings& section, Architecture& model) {
    section.read("layers", model.layers, 1, 256);
    section.read("width", model.width, 1, 16384);
    section.read("heads", model.heads, 1, 256);
    section.read("context", model.context, 1, 65536);
    section.read("feed_forward", model.feed_forward, 1, 65536);
    section.read("vocabulary", model.vocabulary, 300, 1000000);
    section.section("attention", [&](Settings& inner) { read_attention(inner, model.attention); });
    section.choose("norm", model.norm, norms);
    section.choose("activation", model.activation, activation_functions);
    require<FormatError>(model.width % model.heads == 0,
                         "{}: width {} is not a multiple of heads {}: each head takes width / heads features",
                         section.place(), model.width, model.heads);
}

void read_vision(Settings& section, VisionArchitecture& model) {
    section.read("height", model.height, 1, 4096);
    section.read("width", model.width, 1, 4096);
    section.read("classes", model.classes, 2, 65536);
    section.read("patch", model.patch, 1, 256);
    model.kernel = model.patch;
    section.read("kernel", model.kernel, 1, 512);
    if (const Json* stages = section.find("stages"); stages != nullptr) {
        require<FormatError>(stages->is_array() && !stages->empty() && stages->size() <= 8,
                             "{}.stages: expected 1 to 8 stages in brackets, found {}", section.place(),
                             stages->dump());
        model.stages.clear();
        for (std::size_t i = 0; i < stages->size(); ++i) {
            Settings inner((*stages)[i], fmt::format("{}.stages[{}]", section.place(), i));
            VisionStage& stage = model.stages.emplace_back();
            inner.read("layers", stage.layers, 1, 256);
            inner.read("width", stage.width, 1, 16384);
            inner.read("heads", stage.heads, 1, 256);
            inner.read("feed_forward", stage.feed_forward, 1, 65536);
            inner.read("window", stage.window, 0, 256);
            inner.finish();
        }
    }
    section.choose("positions", model.positions, position_choices);
    section.choose("local", model.local, local_choices);
    section.section("attention", [&](Settings& inner) { read_attention(inner, model.attention); });
    section.choose("score_norm", model.score_norm, score_norms);
    section.choose("norm", model.norm, norms);
    section.choose("hidden_norm", model.hidden_norm, hidden_norms);
    section.choose("activation", model.activation, activation_functions);
    try {
        check(model);
    } catch (const Error& error) {
        fail<FormatError>("{}: {}", section.place(), error.what());
    }
}

void read_augmentation(Settings& section, Augmentation& augmentation) {
    section.read("crop", augmentation.crop, 0, 1024);
    section.read("flip", augmentation.flip);
    section.read("mix_share", augmentation.mix_share, 0, 1);
    section.read("cutmix", augmentation.cutmix, 0, 100);
    section.read("mixup", augmentation.mixup, 0, 100);
    section.read("erase_share", augmentation.erase_share, 0, 1);
    section.read("label_smoothing", augmentation.label_smoothing, 0, 0.9);
}

void read_schedule(Settings& section, Schedule& schedule) {
    section.read("epochs", schedule.epochs, 0, 1000);
    section.read("batch", schedule.batch, 1, 65536);
    section.read("accumulate", schedule.accumulate, 1, 65536);
    section.choose("optimizer", schedule.optimizer, optimizers);
    section.read("learning_rate", schedule.learning_rate, 1e-8, 1000);
    section.read("matrix_learning_rate", schedule.matrix_learning_rate, 1e-8, 10);
    section.read("warmup_steps", schedule.warmup_steps, 0, 1000000);
    section.read("weight_decay", schedule.weight_decay, 0, 1);
    section.read("dropout", schedule.dropout, 0, 0.9);
    section.read("gradient_clip", schedule.gradient_clip, 1e-3, 1e6);
    section.read("range_weight", schedule.range_weight, 0, 1e6);
    section.read("variance_weight", schedule.variance_weight, 0, 1e6);
    section.read("penalty_ramp", schedule.penalty_ramp, 0, 1);
    section.read("strange_share", schedule.strange_share, 0, 0.5);
    section.read("validate_every", schedule.validate_every, 0, 100000000);
    section.read("patience", schedule.patience, 0, 1000000);
    require<FormatError>(schedule.patience == 0 || schedule.validate_every > 0,
                         "{}.patience: {} validations, but validate_every is 0: say how many updates apart they are",
                         section.place(), schedule.patience);
}

void read_ranges(Settings& section, TargetRanges& ranges) {
    section.read("scores", ranges.scores, 0.1, 1000);
    section.read("hidden", ranges.hidden, 0.1, 1000);
    section.read("variance_ratio", ranges.variance_ratio, 1.01, 1e6);
    const Json* sites = section.find("sites");
    if (sites == nullptr) return;
    const std::string place = section.place() + ".sites";
    require<FormatError>(sites->is_object(), "{}: expected an object in braces, found {}", place, sites->type_name());
    for (const auto& [site, ends] : sites->items()) {
        require<FormatError>(ends.is_array() && ends.size() == 2 && ends[0].is_number() && ends[1].is_number() &&
                                 ends[0].get<double>() < ends[1].get<double>(),
                             "{}.{}: expected [lower, upper], found {}", place, site, ends.dump());
        ranges.sites[site] = {ends[0].get<double>(), ends[1].get<double>()};
    }
}

void read_substitution(Settings& section, Substitution& substitution) {
    section.choose("method", substitution.method, approximation_methods);
    section.read("margin", substitution.margin, 0, 10);
    section.read("scores_degree", substitution.scores_degree, 1, 255);
    section.read("hidden_degree", substitution.hidden_degree, 1, 255);
    section.read("inverse_sqrt_degree", substitution.inverse_sqrt_degree, 1, 255);
    section.read("attention_depth", substitution.attention_depth, 0, 16);
    section.read("feed_forward_depth", substitution.feed_forward_depth, 0, 16);
}

}  // namespace

Config parse_config(const std::string& text, const std::string& origin) {
    return config_from(parse_configuration(text, origin), origin);
}

Config config_from(const Json& json, const std::string& origin) {
    Config config;
    Settings root(json, origin);
    std::size_t seed = config.seed;
    root.read("seed", seed, 0, std::size_t{1} << 53);
    config.seed = seed;
    root.section("model", [&](Settings& section) { read_architecture(section, config.model); });
    root.section("tokenizer", [&](Settings& section) {
        section.choose("algorithm", config.tokenizer.algorithm, std::array{"unigram", "bpe"});
        section.read("sentences", config.tokenizer.sentences, 100, 10000000);
    });
    if (root.find("vision") != nullptr) {
        require<FormatError>(!json.contains("model") && !json.contains("tokenizer"),
                             "{}: \"vision\" stands beside \"model\" or \"tokenizer\", which are of language models: "
                             "keep the one or the others",
                             origin);
        config.vision.emplace();
        root.section("vision", [&](Settings& section) { read_vision(section, *config.vision); });
        root.section("augmentation", [&](Settings& section) { read_augmentation(section, config.augmentation); });
    }
    root.section("train", [&](Settings& section) { read_schedule(section, config.train); });
    root.section("tune", [&](Settings& section) { read_schedule(section, config.tune); });
    root.section("ranges", [&](Settings& section) { read_ranges(section, config.ranges); });
    root.section("convert", [&](Settings& section) { read_schedule(section, config.convert); });
    root.section("substitution", [&](Settings& section) { read_substitution(section, config.substitution); });
    root.finish();
    return config;
}

Config load_config(const std::filesystem::path& file) {
    return parse_config(read_file(file, std::size_t{1} << 20), file.string());
}

std::string obstacle_to_substitution(const Config& config) {
    return config.vision ? obstacle_to_substitution(*config.vision) : obstacle_to_substitution(config.model.attention);
}

bool penalised(const Schedule& schedule) {
    return schedule.range_weight > 0 || schedule.variance_weight > 0;
}

nlohmann::ordered_json to_json(const Schedule& schedule) {
    return {{"epochs", schedule.epochs},
            {"batch", schedule.batch},
            {"accumulate", schedule.accumulate},
            {"optimizer", schedule.optimizer},
            {"learning_rate", schedule.learning_rate},
            {"matrix_learning_rate", schedule.matrix_learning_rate},
            {"warmup_steps", schedule.warmup_steps},
            {"weight_decay", schedule.weight_decay},
            {"dropout", schedule.dropout},
            {"gradient_clip", schedule.gradient_clip},
            {"range_weight", schedule.range_weight},
            {"variance_weight", schedule.variance_weight},
            {"penalty_ramp", schedule.penalty_ramp},
            {"strange_share", schedule.strange_share},
            {"validate_every", schedule.validate_every},
            {"patience", schedule.patience}};
}

nlohmann::ordered_json to_json(const TargetRanges& ranges) {
    Json sites = Json::object();
    for (const auto& [site, interval] : ranges.sites) sites[site] = {interval.lower, interval.upper};
    return {{"scores", ranges.scores},
            {"hidden", ranges.hidden},
            {"variance_ratio", ranges.variance_ratio},
            {"sites", sites}};
}

nlohmann::ordered_json to_json(const Substitution& substitution) {
    return {{"method", substitution.method},
            {"margin", substitution.margin},
            {"scores_degree", substitution.scores_degree},
            {"hidden_degree", substitution.hidden_degree},
            {"inverse_sqrt_degree", substitution.inverse_sqrt_degree},
            {"attention_depth", substitution.attention_depth},
            {"feed_forward_depth", substitution.feed_forward_depth}};
}

nlohmann::ordered_json to_json(const Config& config) {
    Json json = {{"seed", config.seed}};
    if (config.vision) {
        json["vision"] = to_json(*config.vision);
        json["augmentation"] = to_json(config.augmentation);
    } else {
        json["model"] = to_json(config.model);
        json["tokenizer"] = {{"algorithm", config.tokenizer.algorithm}, {"sentences", config.tokenizer.sentences}};
    }
    json["train"] = to_json(config.train);
    json["tune"] = to_json(config.tune);
    json["ranges"] = to_json(config.ranges);
    json["convert"] = to_json(config.convert);
    json["substitution"] = to_json(config.substitution);
    return json;
}

}  // namespace polyformer::train
