#include "polyformer/train/configuration/stage_request.h"

#include <algorithm>
#include <array>
#include <span>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/text.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

Json parse_file(const fs::path& file, const char* remedy) {
    try {
        return parse_ordered_json(read_file(file, std::size_t{1} << 28), file.string());
    } catch (const FormatError& error) {
        fail<FormatError>("{}: {}", error.what(), remedy);
    }
}

// To be raised whenever the same recipe gives another result.
constexpr int recipe_version = 2;

// As it is written down: from the stage's own folder, so that a work folder may be moved, and named in any way.
fs::path parent_from(const fs::path& folder, const fs::path& parent) {
    return parent.empty() ? parent : fs::absolute(parent).lexically_proximate(fs::absolute(folder));
}

}  // namespace

std::vector<std::string> stages_of(const Config& config) {
    std::vector<std::string> stages = {train_name};
    if (config.tune.epochs > 0) stages.emplace_back(tune_name);
    if (!obstacle_to_substitution(config).empty()) return stages;
    stages.emplace_back(substitute_name);
    if (config.convert.epochs > 0) stages.emplace_back(convert_name);
    return stages;
}

Json recipe_of(const std::string& stage, const Config& config, const Json& data, const Json& parent,
               const std::string& precision) {
    Json recipe = {{"stage", stage}, {"version", recipe_version}};
    if (stage != substitute_name) recipe["precision"] = precision;
    if (stage == train_name) {
        recipe["seed"] = config.seed;
        if (config.vision) {
            recipe["images"] = data;
            recipe["vision"] = to_json(*config.vision);
            recipe["augmentation"] = to_json(config.augmentation);
        } else {
            recipe["texts"] = data;
            recipe["model"] = to_json(config.model);
        }
        recipe["schedule"] = to_json(config.train);
        if (penalised(config.train)) recipe["ranges"] = to_json(config.ranges);
    } else if (stage == tune_name) {
        recipe["schedule"] = to_json(config.tune);
        recipe["ranges"] = to_json(config.ranges);
    } else if (stage == substitute_name) {
        recipe["substitution"] = to_json(config.substitution);
    } else {
        recipe["schedule"] = to_json(config.convert);
    }
    recipe["parent"] = parent;
    return recipe;
}

const Json& data_in(const Json& recipe) {
    const Json* innermost = &recipe;
    while (innermost->contains("parent") && innermost->at("parent").is_object()) innermost = &innermost->at("parent");
    for (const char* kind : {"texts", "images"}) {
        if (innermost->contains(kind)) return innermost->at(kind);
    }
    fail<FormatError>("a recipe names no training set: {}", innermost->dump());
}

std::string difference(const Json& there, const Json& here) {
    const Json changes = Json::diff(there, here);
    if (changes.empty()) return "nothing differs";
    std::string path = changes.at(0).at("path");
    const auto value_in = [&](const Json& recipe) {
        const Json::json_pointer place(path);
        return recipe.contains(place) ? recipe.at(place).dump() : std::string("missing");
    };
    const std::string values = fmt::format("is {} there and {} here", value_in(there), value_in(here));
    if (path.starts_with('/')) path.erase(0, 1);
    std::replace(path.begin(), path.end(), '/', '.');
    return path + " " + values;
}

std::string digest_of(const Json& recipe) {
    return blake2b_hex(recipe.dump()).substr(0, 12);
}

void save_request(const StageRequest& request, const fs::path& folder) {
    for (const fs::path& path : {request.prepared, request.parent, request.model}) {
        require(is_utf8(path.string()),
                "'{}': {} cannot hold a name that is not UTF-8; name another folder, or rename it", path.string(),
                (folder / "stage.json").string());
    }
    const Json json = {{"stage", request.stage},
                       {"config", to_json(request.config)},
                       {"recipe", request.recipe},
                       {"prepared", request.prepared.string()},
                       {"parent", parent_from(folder, request.parent).string()},
                       {"measure_test", request.measure_test},
                       {"measure_stability", request.measure_stability},
                       {"test_digest", request.test_digest},
                       {"model", request.model.string()}};
    write_file(folder / "stage.json", to_text(json, 2) + "\n");
}

StageRequest load_request(const fs::path& folder) {
    const fs::path file = folder / "stage.json";
    const Json json = parse_file(file, "delete it, then give the command that made it again");
    StageRequest request;
    Settings section(json, file.string());
    section.choose("stage", request.stage, std::array{train_name, tune_name, substitute_name, convert_name});
    require<FormatError>(!request.stage.empty(), "{} names no stage", file.string());
    const Json* config = section.find("config");
    const Json* recipe = section.find("recipe");
    require<FormatError>(config != nullptr && recipe != nullptr, "{} has no configuration or no recipe", file.string());
    request.config = config_from(*config, file.string() + ".config");
    request.recipe = *recipe;
    std::string path;
    const auto read_path = [&](const char* key, fs::path& target) {
        path.clear();
        section.read(key, path);
        target = path;
    };
    read_path("prepared", request.prepared);
    read_path("parent", request.parent);
    if (!request.parent.empty()) request.parent = (folder / request.parent).lexically_normal();
    read_path("model", request.model);
    section.read("measure_test", request.measure_test);
    section.read("measure_stability", request.measure_stability);
    section.read("test_digest", request.test_digest);
    section.finish();
    return request;
}

bool test_measured(const StageRequest& request, const Json& results) {
    return results.contains("test_perplexity") &&
           results.value("test_measured_on", std::string()) == request.test_digest;
}

bool stability_measured(const StageRequest& request, const Json& results) {
    return results.contains("stability") &&
           results.value("stability_measured_on", std::string()) == request.test_digest;
}

bool settled(const StageRequest& request, const fs::path& folder) {
    const Json results = load_results(folder);
    if (results.value("diverged", false)) return true;
    const bool polynomials = request.stage == substitute_name || request.stage == convert_name;
    return results.value("complete", false) && (!request.measure_test || test_measured(request, results)) &&
           (!request.measure_stability || !polynomials || stability_measured(request, results)) &&
           (request.model.empty() || fs::exists(request.model / "metadata.json"));
}

Json load_results(const fs::path& folder) {
    const fs::path file = folder / "results.json";
    if (!fs::exists(file)) return Json::object();
    Json results = parse_file(file, "delete it, and the stage is measured again");
    require<FormatError>(results.is_object(), "{} is damaged (no object): delete it, and the stage is measured again",
                         file.string());
    return results;
}

}  // namespace polyformer::train
