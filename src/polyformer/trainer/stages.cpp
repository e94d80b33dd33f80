#include "polyformer/trainer/stages.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/data/data_identity.h"
#include "polyformer/train/process/folder_lock.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/conversion/substitution.h"
#include "polyformer/trainer/descent/checkpoint.h"
#include "polyformer/trainer/tasks/task.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t calibration_steps = 400;  // batches that intervals come from
constexpr std::size_t report_steps = 100;       // batches that reported ranges come from
constexpr std::size_t trial_steps = 8;          // batches that single polynomials are tried on

// One stage's folder at work.
class StageFolder {
  public:
    explicit StageFolder(const StagesOptions& options)
        : options_(options),
          request_(load_request(options.folder)),
          results_(load_results(options.folder)),
          task_(make_task(request_)) {
        torch::set_num_threads(static_cast<int>(options.threads));
        torch::manual_seed(mix(request_.config.seed, 0));
        model_ = task_->make_network();
        model_->to(options.device);
    }

    bool run() {
        require_same_recipe();
        if (results_.value("diverged", false)) {
            throw DivergenceError(results_.value("message", std::string("diverged in an earlier call")));
        }
        if (results_.value("complete", false)) {
            load_model(fs::exists(recalibrated()) ? recalibrated() : checkpoint(), *model_, request_.recipe.dump());
            model_->to(options_.device);
        } else if (request_.stage == substitute_name) {
            substitute_polynomials();
        } else if (!descend()) {
            return false;
        }
        measure_what_is_asked();
        return true;
    }

  private:
    fs::path checkpoint() const { return options_.folder / "checkpoint"; }
    // Beside the checkpoint, which training can still be resumed from until the results are written.
    fs::path recalibrated() const { return options_.folder / "recalibrated"; }

    // What is prepared, and what came out before, must be of this stage's recipe.
    void require_same_recipe() const {
        const Json& wanted = data_in(request_.recipe);
        const Json prepared = data_identity(request_.prepared, request_.config);
        require<FormatError>(prepared == wanted,
                             "{} holds other data than this stage is of ({}): give the command that made {} once more",
                             request_.prepared.string(), difference(wanted, prepared),
                             (options_.folder / "stage.json").string());
        require<FormatError>(results_.empty() || results_.value("recipe", std::string()) == digest_of(request_.recipe),
                             "{} is of another configuration or data set: delete it, or work in another folder",
                             (options_.folder / "results.json").string());
    }

    void note(const std::string& text) const {
        if (!options_.quiet) to_stderr("{}\n", text);
    }

    const Schedule& schedule() const {
        const Config& config = request_.config;
        if (request_.stage == train_name) return config.train;
        return request_.stage == tune_name ? config.tune : config.convert;
    }

    // The training set in batches whose order depends on the stage.
    std::unique_ptr<Examples> batches() const {
        std::uint64_t number = 0;
        for (const char c : request_.stage) number = 31 * number + static_cast<unsigned char>(c);
        return task_->training(schedule(), mix(request_.config.seed, number));
    }

    // Starts from what the stage before left. Throws Error when it is not complete.
    void load_parent() {
        require(load_results(request_.parent).value("complete", false),
                "{} holds no complete stage to start '{}' from: run the stage before it first",
                request_.parent.string(), request_.stage);
        const Json& recipe = request_.recipe.at("parent");
        const Json found = load_request(request_.parent).recipe;
        require(found == recipe,
                "{} holds a stage of another configuration or data set than '{}' is to start from ({})",
                request_.parent.string(), request_.stage, difference(found, recipe));
        load_model(request_.parent / "checkpoint", *model_, recipe.dump());
        model_->to(options_.device);
    }

    void record(const std::string& key, Json value) { results_[key] = std::move(value); }
    void record_quality(const std::string& split, const Json& quality) {
        for (const auto& [name, value] : quality.items()) record(split + "_" + name, value);
    }
    std::string validation_quality() const {
        if (results_.contains("validation_accuracy")) {
            return fmt::format("validation accuracy {:.2f} %", results_["validation_accuracy"].get<double>());
        }
        const auto perplexity = results_["validation_perplexity"].get<double>();
        if (std::isfinite(perplexity)) return fmt::format("validation perplexity {:.2f} per word", perplexity);
        return "validation perplexity is not finite: this model is of no use. Its polynomials do not hold on the "
               "ranges above: raise their degrees or depths (substitution), draw the ranges in (tune.range_weight, "
               "tune.variance_weight), or train longer";
    }
    void save_results() {
        record("recipe", digest_of(request_.recipe));
        write_file(options_.folder / "results.json", results_.dump(1) + "\n");
    }

    bool descend() {
        const std::unique_ptr<Examples> examples = batches();
        Examples& data = *examples;
        if (!fs::exists(checkpoint())) {
            if (!request_.parent.empty()) load_parent();
            if (request_.stage == tune_name || (request_.stage == train_name && penalised(schedule()))) {
                set_targets(data);
            }
        }
        const auto validate = [&] { return task_->measure(*model_, "valid").at("perplexity").get<double>(); };
        const StageOptions stage_options{.name = request_.stage,
                                         .schedule = schedule(),
                                         .seed = mix(request_.config.seed, 1),
                                         .checkpoint = checkpoint(),
                                         .recipe = request_.recipe.dump(),
                                         .device = options_.device,
                                         .precision = options_.precision,
                                         .validate = validate,
                                         .quiet = options_.quiet,
                                         .stop_after = options_.stop_after};
        StageOutcome outcome;
        try {
            outcome = run_stage(*model_, data, stage_options);
        } catch (const DivergenceError& error) {
            record("stage", request_.stage);
            record("diverged", true);
            record("message", error.what());
            save_results();
            throw;
        }
        if (!outcome.complete) return false;
        if (request_.stage == convert_name) {
            const RangeTable seen = calibration(data);
            record("recalibration", recalibrate(*model_, seen, request_.config.substitution));
            save_model(recalibrated(), *model_, request_.recipe.dump());
        }
        const Json history = outcome.history.json();
        const auto units = static_cast<double>(outcome.step * schedule().accumulate * data.units_per_batch());
        record("stage", request_.stage);
        record("complete", true);
        record("updates", outcome.step);
        record("seconds", outcome.history.seconds);
        record(fmt::format("{}_per_second", data.unit()), units / std::max(1e-9, outcome.history.seconds));
        record("training_loss", outcome.history.loss);
        record_quality("validation", task_->measure(*model_, "valid"));
        record("curve", history["curve"]);
        record("validation_curve", history["validation_curve"]);
        record("sites", to_json(model_->sites, ranges(data, report_steps, Histograms::collect)));
        save_results();
        note(fmt::format("{}: {}", request_.stage, validation_quality()));
        return true;
    }

    RangeTable ranges(Examples& data, std::size_t most_steps, Histograms histograms, bool clamped = false) {
        return measure_ranges(*model_, data,
                              {.steps = std::min(most_steps, data.steps_per_epoch()),
                               .histograms = histograms,
                               .clamped = clamped,
                               .quiet = options_.quiet});
    }

    // Range minimisation starts with intervals around what the trained model does.
    void set_targets(Examples& data) {
        set_target_ranges(model_->sites, ranges(data, report_steps, Histograms::none), request_.config.ranges);
        if (options_.quiet) return;  // the table below is for people: shares outside the intervals just set
        const RangeTable seen = ranges(data, report_steps / 8, Histograms::none);
        note(fmt::format("Ranges before '{}':\n{}", request_.stage, seen.text(model_->sites)));
    }

    // What the intervals to come must cover: with polynomials in place, too, one input far outside the interval that it
    // is about to lose must not make all sites behind it look as if they needed intervals of any width.
    RangeTable calibration(Examples& data) { return ranges(data, calibration_steps, Histograms::collect, true); }

    void substitute_polynomials() {
        load_parent();
        const std::unique_ptr<Examples> examples = batches();
        Examples& data = *examples;
        const RangeTable seen = calibration(data);
        note("Ranges on the training set:\n" + seen.text(model_->sites));
        std::vector<Batch> blocks;
        for (std::size_t step = 0; step < std::min(trial_steps, data.steps_per_epoch()); ++step) {
            blocks.push_back(data.at(step));
        }
        SubstitutionLog log = substitute(*model_, seen, request_.config.substitution, blocks);
        save_model(checkpoint(), *model_, request_.recipe.dump());
        record("stage", request_.stage);
        record("complete", true);
        record_quality("validation", task_->measure(*model_, "valid"));
        for (auto& [key, value] : log.items()) record(key, value);
        record("sites", to_json(model_->sites, seen));
        save_results();
        note(fmt::format("Polynomials put in: {}, before training with them", validation_quality()));
    }

    void measure_what_is_asked() {
        if (request_.measure_test && !test_measured(request_, results_)) {
            record_quality("test", task_->measure(*model_, "test"));
            record("test_measured_on", request_.test_digest);
            record("evaluated_by", "libtorch");
            save_results();
        }
        if (request_.measure_stability && substituted(*model_) && !stability_measured(request_, results_)) {
            record("stability", task_->stability(*model_));
            record("stability_measured_on", request_.test_digest);
            save_results();
        }
        if (!request_.model.empty()) {
            const std::unique_ptr<Examples> data = batches();
            task_->write_model(*model_, *data, road());
            note(fmt::format("Wrote {}", request_.model.string()));
        }
    }

    // What the stages so far reached, without curves and histograms.
    Json road() const {
        Json all = Json::object();
        Json own = results_;
        for (fs::path folder = request_.parent;; folder = load_request(folder).parent) {
            Json brief = Json::object();
            for (const auto& [key, value] : own.items()) {
                const bool quality = key.starts_with("validation_") || key.starts_with("test_");
                if (key == "updates" || key == "training_loss" || (quality && value.is_number())) brief[key] = value;
            }
            all[own.value("stage", std::string("stage"))] = std::move(brief);
            if (folder.empty()) return all;
            own = load_results(folder);
        }
    }

    StagesOptions options_;
    StageRequest request_;
    Json results_;
    std::unique_ptr<Task> task_;
    std::shared_ptr<Network> model_;
};

}  // namespace

bool carry_out(const StagesOptions& options) {
    const FolderLock lock(options.folder);
    try {
        return StageFolder(options).run();
    } catch (const Interrupted&) {
        return false;
    }
}

torch::Device parse_device(const std::string& name) {
    if (name == "cpu") return torch::kCPU;
    if (name == "auto") return torch::cuda::is_available() ? torch::kCUDA : torch::kCPU;
    require(name.starts_with("cuda"), "unknown device '{}': choose cpu, cuda, cuda:N or auto", name);
    require(torch::cuda::is_available(),
            "no CUDA device can be used: either this machine has none, or this LibTorch was built without CUDA; train "
            "with --device cpu");
    try {
        return torch::Device(name);
    } catch (const c10::Error&) {
        fail("unknown device '{}': choose cpu, cuda, cuda:N or auto", name);
    }
}

}  // namespace polyformer::train
