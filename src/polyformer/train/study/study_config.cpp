#include "polyformer/train/study/study_config.h"

#include <algorithm>
#include <array>
#include <set>

#include "polyformer/support/error.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/configuration/stage_request.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::array stage_names = {train_name, tune_name, substitute_name, convert_name};

Json parse_file(const fs::path& file) {
    return parse_configuration(read_file(file, std::size_t{1} << 20), file.string());
}

std::vector<std::uint64_t> read_seeds(Settings& section, std::vector<std::uint64_t> otherwise) {
    const Json* found = section.find("seeds");
    if (found == nullptr) return otherwise;
    std::vector<std::uint64_t> seeds;
    require<FormatError>(found->is_array() && !found->empty(), "{}.seeds: expected a list of whole numbers, found {}",
                         section.place(), found->dump());
    for (const Json& seed : *found) {
        require<FormatError>(seed.is_number_unsigned(), "{}.seeds: {} is no whole number", section.place(),
                             seed.dump());
        seeds.push_back(seed.get<std::uint64_t>());
    }
    return seeds;
}

std::vector<std::string> read_names(Settings& section, const char* key, const std::set<std::string>& known) {
    const Json* found = section.find(key);
    std::vector<std::string> names;
    if (found == nullptr) return names;
    require<FormatError>(found->is_array(), "{}.{}: expected a list of names, found {}", section.place(), key,
                         found->dump());
    for (const Json& name : *found) {
        require<FormatError>(name.is_string() && known.contains(name.get<std::string>()),
                             "{}.{}: {} is not among those that this study knows", section.place(), key, name.dump());
        names.push_back(name.get<std::string>());
    }
    return names;
}

void read_measures(Settings& section, Variant& variant) {
    section.section("measure", [&](Settings& measure) {
        measure.read("test", variant.measure_test);
        measure.read("interpreter", variant.measure_interpreter);
        measure.read("stability", variant.measure_stability);
    });
}

// A list of objects, each read as a section.
template <class Read>
void read_list(Settings& section, const char* key, const Read& read) {
    const Json* list = section.find(key);
    require<FormatError>(list == nullptr || list->is_array(), "{}.{}: expected a list in brackets", section.place(),
                         key);
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        Settings entry((*list)[i], fmt::format("{}.{}[{}]", section.place(), key, i));
        read(entry);
        entry.finish();
    }
}

Json read_base(Settings& root, const fs::path& file) {
    const Json* base = root.find("base");
    require<FormatError>(base != nullptr && (base->is_object() || base->is_string()),
                         "{}: 'base' is missing: give a configuration, or the path of one beside this file",
                         file.string());
    return base->is_object() ? *base : parse_file(file.parent_path() / base->get<std::string>());
}

Variant read_variant(Settings& entry, const Json& base, Variant defaults) {
    Variant variant = std::move(defaults);
    entry.read("name", variant.name);
    require<FormatError>(!variant.name.empty(), "{}: 'name' is missing", entry.place());
    variant.title = variant.name;
    entry.read("title", variant.title);
    const Json* settings = entry.find("set");
    variant.settings = settings == nullptr ? Json::object() : *settings;
    require<FormatError>(variant.settings.is_object(), "{}.set: expected an object in braces", entry.place());
    Json patched = base;
    patched.merge_patch(variant.settings);
    variant.config = config_from(patched, fmt::format("{} with its settings", entry.place()));
    const std::vector<std::string> stages = stages_of(variant.config);
    variant.last_stage = stages.back();
    entry.choose("last_stage", variant.last_stage, stage_names);
    require<FormatError>(std::find(stages.begin(), stages.end(), variant.last_stage) != stages.end(),
                         "{}.last_stage: '{}' has no stage '{}' ({})", entry.place(), variant.name, variant.last_stage,
                         obstacle_to_substitution(variant.config).empty() ? "its epochs are 0"
                                                                          : obstacle_to_substitution(variant.config));
    variant.seeds = read_seeds(entry, variant.seeds);
    read_measures(entry, variant);
    return variant;
}

// Perplexities and accuracies have no place in one table, nor texts and images in one data folder.
void require_one_kind(const std::vector<Variant>& variants, const std::string& place) {
    const auto kind = [](const Variant& variant) { return variant.config.vision ? "an image" : "a language"; };
    const Variant& first = variants.front();
    const Variant& last = variants.back();
    require<FormatError>(first.config.vision.has_value() == last.config.vision.has_value(),
                         "{}: '{}' trains {} model, '{}' before it {} model: a study compares models of one kind, give "
                         "each kind a study of its own",
                         place, last.name, kind(last), first.name, kind(first));
}

StudyTable read_table(Settings& entry, const std::set<std::string>& variants) {
    StudyTable table;
    entry.read("name", table.name);
    require<FormatError>(!table.name.empty(), "{}: 'name' is missing", entry.place());
    table.title = table.name;
    entry.read("title", table.title);
    entry.read("note", table.note);
    entry.read("baseline", table.baseline);
    table.variants = read_names(entry, "variants", variants);
    table.columns = read_names(entry, "columns", {stage_names.begin(), stage_names.end()});
    require<FormatError>(table.baseline.empty() || variants.contains(table.baseline),
                         "{}.baseline: no variant is called '{}'", entry.place(), table.baseline);
    return table;
}

}  // namespace

StudyConfig load_study(const fs::path& file) {
    const Json json = parse_file(file);
    StudyConfig study;
    Settings root(json, file.string());
    study.title = file.stem().string();
    root.read("title", study.title);
    root.read("description", study.description);
    const Json base = read_base(root, file);
    Variant defaults;
    defaults.seeds = read_seeds(root, {1});
    read_measures(root, defaults);
    std::set<std::string> names;
    read_list(root, "variants", [&](Settings& entry) {
        study.variants.push_back(read_variant(entry, base, defaults));
        require<FormatError>(names.insert(study.variants.back().name).second, "{}: a second variant is called '{}'",
                             entry.place(), study.variants.back().name);
        require_one_kind(study.variants, entry.place());
    });
    require<FormatError>(!study.variants.empty(), "{}: 'variants' is missing or empty", file.string());
    read_list(root, "tables", [&](Settings& entry) { study.tables.push_back(read_table(entry, names)); });
    root.finish();
    return study;
}

}  // namespace polyformer::train
