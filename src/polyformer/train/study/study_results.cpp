#include "polyformer/train/study/study_results.h"

#include <string>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/processor.h"
#include "polyformer/train/data/prepared_images.h"
#include "polyformer/train/data/prepared_text.h"
#include "polyformer/train/report/study_document.h"
#include "polyformer/train/report/summary.h"
#include "polyformer/train/study/interpreter_measure.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// {"a": {"b": 1}} → {"a.b": 1}.
void flatten(const Json& settings, const std::string& prefix, Json& flat) {
    for (const auto& [key, value] : settings.items()) {
        if (value.is_object()) {
            flatten(value, prefix + key + ".", flat);
        } else {
            flat[prefix + key] = value;
        }
    }
}

// What the exact interpreter found takes the place of what the trainer found, which is kept under another name.
void put_in(Json& results, const Json& interpreter) {
    for (const char* quality : {"perplexity", "accuracy", "top5_accuracy"}) {
        if (!interpreter.contains(quality)) continue;
        const std::string key = std::string("test_") + quality;
        if (results.contains(key)) {
            Json own = results[key];
            results[key + "_libtorch"] = std::move(own);
        }
        results[key] = interpreter.at(quality);
    }
    results["evaluated_by"] = "exact interpreter";
    results["test_intervals"] = interpreter.at("intervals");
}

Json stage_results(const StudyStage& stage, bool with_distributions) {
    Json results = load_results(stage.folder);
    if (stage.request.measure_test && !test_measured(stage.request, results)) {  // of another test set: out of date
        for (const char* quality : {"perplexity", "accuracy", "top5_accuracy"})
            results.erase(std::string("test_") + quality);
    }
    results["name"] = stage.request.stage;
    results["kind"] = stage.request.stage == substitute_name ? "substitute" : "train";
    const Json interpreter = stage.interpreter ? measured_by_interpreter(stage) : Json::object();
    if (!interpreter.empty()) put_in(results, interpreter);
    for (const char* internal : {"stage", "recipe", "test_measured_on", "stability_measured_on"})
        results.erase(internal);
    if (with_distributions) return results;
    results.erase("degree_search");
    for (const char* list : {"sites", "substitution"}) {
        if (!results.contains(list)) continue;
        for (Json& entry : results[list]) {
            entry.erase("histogram");
            entry.erase("curve");
        }
    }
    return results;
}

Json run_results(const StudyPlan& plan, const StudyRun& run, bool first_seed) {
    Json stages = Json::array();
    Json stability = Json::array();
    Json depth;
    std::string status = "complete";
    std::string message;
    for (const std::size_t index : run.stages) {
        const StudyStage& stage = plan.stages[index];
        Json results = stage_results(stage, first_seed);
        if (results.value("diverged", false)) {
            status = "diverged";
            message = results.value("message", std::string());
            break;
        }
        if (!results.value("complete", false)) {
            const bool failed = fs::exists(stage.folder / failure_file);
            status = failed ? "failed" : "pending";
            if (failed) message = read_file(stage.folder / failure_file);
            break;
        }
        if (results.contains("stability")) stability = results["stability"];
        results.erase("stability");
        // Training with polynomials in place keeps their depth.
        if (results.contains("depth")) depth = results["depth"];
        if (!depth.is_null()) results["depth"] = depth;
        stages.push_back(std::move(results));
    }
    return {{"seed", run.seed}, {"status", status}, {"message", message}, {"stages", stages}, {"stability", stability}};
}

Json data_of(const StudyPlan& plan, const StudyOptions& options) {
    const StageRequest& request = plan.stages.front().request;
    const fs::path& prepared = request.prepared;
    Json data = {{"name", fs::weakly_canonical(options.data).filename().string()}};
    if (request.config.vision) {
        const PreparedImages images = load_images(prepared / "train.images");
        data["train_images"] = images.size();
        data["classes"] = images.classes.size();
        if (fs::exists(prepared / "test.images")) data["test_images"] = load_images(prepared / "test.images").size();
        return data;
    }
    data["train_tokens"] = load_text(prepared / "train.ids").ids.size();
    if (fs::exists(prepared / "test.ids")) data["test_words"] = load_text(prepared / "test.ids").words;
    return data;
}

// Of all stages that are done, each once, wherever they were trained.
double seconds_of(const StudyPlan& plan) {
    double sum = 0;
    for (const StudyStage& stage : plan.stages) sum += load_results(stage.folder).value("seconds", 0.0);
    return sum;
}

}  // namespace

Json collect_results(const StudyConfig& study, const StudyPlan& plan, const StudyOptions& options) {
    Json tables = Json::array();
    for (const StudyTable& table : study.tables) {
        tables.push_back({{"name", table.name},
                          {"title", table.title},
                          {"note", table.note},
                          {"baseline", table.baseline},
                          {"variants", table.variants},
                          {"columns", table.columns}});
    }
    Json variants = Json::array();
    for (const Variant& variant : study.variants) {
        Json settings = Json::object();
        flatten(variant.settings, "", settings);
        variants.push_back(
            {{"name", variant.name}, {"title", variant.title}, {"settings", settings}, {"runs", Json::array()}});
    }
    for (const StudyRun& run : plan.runs) {
        Json& runs = variants[run.variant]["runs"];
        runs.push_back(run_results(plan, run, runs.empty()));
    }
    Json results = {{"format", "polyformer-study"},
                    {"version", 1},
                    {"title", study.title},
                    {"description", study.description},
                    {"command", options.command},
                    {"machine",
                     {{"processor", processor_name()},
                      {"threads", options.jobs * threads_of(options.trainer, options.jobs)},
                      {"device", options.trainer.device}}},
                    {"seconds", seconds_of(plan)},
                    {"data", data_of(plan, options)},
                    {"measure", study.variants.front().config.vision ? accuracy_measure : perplexity_measure},
                    {"tables", tables},
                    {"variants", variants}};
    summarise(results);
    round_numbers(results, 5);  // more than any reader or plot needs, and the document stays small
    return results;
}

}  // namespace polyformer::train
