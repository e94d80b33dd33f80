#include "polyformer/train/report/summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/train/report/study_document.h"

namespace polyformer::train {
namespace {

using nlohmann::ordered_json;

struct Reached {
    std::optional<double> test;
    std::optional<double> validation;
};

const ordered_json* find_stage(const ordered_json& run, const std::string& name) {
    for (const ordered_json& stage : entries(run, "stages")) {
        if (stage["name"] == name) return &stage;
    }
    return nullptr;
}

// Whether the measure was computed at all: where it was not finite, null is recorded.
bool judged(const ordered_json& stage, const std::string& measure) {
    return stage.contains("test_" + measure) || stage.contains("validation_" + measure);
}

// A study that has not said what it is judged by is old, and then of language, or made by hand.
std::string measure_of(const ordered_json& study) {
    if (study.contains("measure")) return study["measure"].get<std::string>();
    for (const ordered_json& variant : entries(study, "variants")) {
        for (const ordered_json& run : entries(variant, "runs")) {
            const ordered_json& stages = entries(run, "stages");
            if (std::any_of(stages.begin(), stages.end(),
                            [](const ordered_json& stage) { return judged(stage, accuracy_measure); })) {
                return accuracy_measure;
            }
        }
    }
    return perplexity_measure;
}

// In the order of their first appearance.
std::vector<std::string> stage_names(const ordered_json& variant) {
    std::vector<std::string> names;
    for (const ordered_json& run : entries(variant, "runs")) {
        for (const ordered_json& stage : entries(run, "stages")) {
            const std::string name = stage["name"].get<std::string>();
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
        }
    }
    return names;
}

ordered_json statistics(const std::vector<double>& values, std::size_t diverged) {
    ordered_json mean = nullptr;
    ordered_json deviation = nullptr;
    const auto count = static_cast<double>(values.size());
    if (!values.empty()) {
        const double average = std::accumulate(values.begin(), values.end(), 0.0) / count;
        mean = average;
        if (values.size() > 1) {
            double squares = 0;
            for (const double value : values) squares += (value - average) * (value - average);
            deviation = std::sqrt(squares / (count - 1));
        }
    }
    return {{"mean", mean}, {"deviation", deviation}, {"count", values.size()}, {"diverged", diverged}};
}

// What is recorded as `key` by the runs that have it at the stage.
std::vector<double> values_of(const ordered_json& variant, const std::string& name, const std::string& key) {
    std::vector<double> values;
    for (const ordered_json& run : entries(variant, "runs")) {
        const ordered_json* stage = find_stage(run, name);
        if (stage == nullptr) continue;
        if (const std::optional<double> value = finite_number(*stage, key.c_str())) values.push_back(*value);
    }
    return values;
}

ordered_json summarise_stage(const ordered_json& variant, const std::string& name, const std::string& measure) {
    std::vector<Reached> reached;
    std::size_t diverged = 0;
    for (const ordered_json& run : entries(variant, "runs")) {
        const ordered_json* stage = find_stage(run, name);
        Reached values;
        if (stage != nullptr) {
            values = {finite_number(*stage, ("test_" + measure).c_str()),
                      finite_number(*stage, ("validation_" + measure).c_str())};
        }
        if (values.test || values.validation) {
            reached.push_back(values);
        } else if (run["status"] == "diverged" ||
                   (run["status"] == "complete" && stage != nullptr && judged(*stage, measure))) {
            ++diverged;
        }
    }
    const bool test = std::all_of(reached.begin(), reached.end(), [](const Reached& r) { return r.test.has_value(); });
    std::vector<double> values;
    for (const Reached& r : reached) {
        if (const std::optional<double>& value = test ? r.test : r.validation) values.push_back(*value);
    }
    const std::string split = test ? "test" : "validation";
    ordered_json summary = {{measure, statistics(values, diverged)}, {"split", split}};
    if (measure == accuracy_measure) {
        const std::vector<double> among_five = values_of(variant, name, split + "_top5_accuracy");
        if (!among_five.empty()) summary["top5_accuracy"] = statistics(among_five, diverged);
    }
    return summary;
}

}  // namespace

void summarise(ordered_json& study) {
    check_study(study);
    if (!study.contains("variants")) return;
    const std::string measure = measure_of(study);
    study["measure"] = measure;
    for (ordered_json& variant : study["variants"]) {
        ordered_json summary = ordered_json::object();
        for (const std::string& name : stage_names(variant)) summary[name] = summarise_stage(variant, name, measure);
        variant["summary"] = std::move(summary);
    }
}

}  // namespace polyformer::train
