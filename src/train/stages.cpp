#include "train/stages.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "model/bundle.h"
#include "model/calibration.h"
#include "model/operations.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/convert.h"
#include "train/perplexity.h"
#include "train/prepared_text.h"
#include "train/stage.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t validation_tokens = 100000;
constexpr std::size_t calibration_steps = 400;
constexpr std::size_t bound_samples = 2048;  // sequences through the exact interpreter
constexpr double bound_margin = 0.25;

void note(const StagesOptions& options, const std::string& text) {
    if (!options.quiet) fmt::print(stderr, "{}\n", text);
}

// What all stages share: the configuration, the texts, a model of the right shape, the results so far.
class Workspace {
  public:
    explicit Workspace(const StagesOptions& options)
        : options_(options), config_(load_config(options.work / "config.json")), model_(nullptr) {
        torch::set_num_threads(static_cast<int>(options.threads));
        torch::manual_seed(mix(config_.seed, 0));
        model_ = Transformer(config_.model);
    }

    const Config& config() const { return config_; }
    Transformer& model() { return model_; }
    fs::path checkpoint(const std::string& stage) const { return options_.work / (stage + ".checkpoint"); }

    PreparedText text(const std::string& split) const {
        const fs::path file = options_.work / (split + ".ids");
        PreparedText text = load_text(file);
        require<FormatError>(text.vocabulary == config_.model.vocabulary,
                             "{} has a vocabulary of {}, the configuration one of {}: work in another folder",
                             file.string(), text.vocabulary, config_.model.vocabulary);
        return text;
    }

    /// The training text in batches whose order depends on the stage.
    Batches batches(const Schedule& schedule, std::uint64_t stage) const {
        return {text("train").ids, config_.model.context, schedule.batch, mix(config_.seed, stage)};
    }

    /// Starts from what `stage` left. Throws Error when it is not complete.
    void load_complete(const std::string& stage) {
        const Json reached = results();
        require(fs::exists(checkpoint(stage)) && reached.contains(stage) && reached[stage].value("complete", false),
                "{} holds no complete '{}' stage: run 'polyformer {}' on this folder first", options_.work.string(),
                stage, stage);
        load_model(checkpoint(stage), model_);
    }

    /// Perplexity per word on the validation text.
    Quality quality() { return evaluate(model_, text("valid"), validation_tokens); }

    /// Runs a stage to its end or interruption and notes in results.json how good the model is then.
    bool run(const std::string& stage, std::uint64_t number, const Schedule& schedule, Batches& batches) {
        const StageOptions stage_options{.name = stage,
                                         .schedule = schedule,
                                         .seed = mix(config_.seed, number),
                                         .checkpoint = checkpoint(stage),
                                         .recipe = recipe(stage, schedule),
                                         .quiet = options_.quiet,
                                         .stop_after = options_.stop_after};
        const StageOutcome outcome = run_stage(model_, batches, stage_options);
        if (!outcome.complete()) return false;
        const Quality reached = quality();
        note(options_, fmt::format("{}: validation perplexity {:.2f} per word ({:.4f} nats per token)", stage,
                                   reached.perplexity_per_word, reached.nats_per_token));
        record(stage, {{"complete", true},
                       {"steps", outcome.steps},
                       {"training_loss", outcome.loss},
                       {"validation_perplexity_per_word", reached.perplexity_per_word}});
        return true;
    }

    Json results() const {
        const fs::path file = options_.work / "results.json";
        if (!fs::exists(file)) return Json::object();
        try {
            return Json::parse(read_file(file));
        } catch (const Json::parse_error& error) {
            fail<FormatError>("{} is damaged ({}): delete it and run the stages again", file.string(), error.what());
        }
    }

    void record(const std::string& key, Json value) const {
        Json all = results();
        all[key] = std::move(value);
        write_file(options_.work / "results.json", all.dump(2) + "\n");
    }

  private:
    std::string recipe(const std::string& stage, const Schedule& schedule) const {
        const Json parts = {{"stage", stage},
                            {"seed", config_.seed},
                            {"model", to_json(config_.model)},
                            {"schedule", to_json(schedule)}};
        return parts.dump();
    }

    StagesOptions options_;
    Config config_;
    Transformer model_;
};

std::vector<model::Tensor> embedded_samples(const model::Embedding& embedding, Batches& batches, std::size_t count) {
    std::vector<model::Tensor> samples;
    for (std::size_t step = 0; samples.size() < count; ++step) {
        const torch::Tensor tokens = batches.at(step);
        const std::int64_t columns = tokens.size(1);
        for (std::int64_t row = 0; row < tokens.size(0) && samples.size() < count; ++row) {
            const std::int64_t* ids = tokens.data_ptr<std::int64_t>() + row * columns;
            samples.push_back(embedding.embed(std::vector<std::int32_t>(ids, ids + columns - 1)));
        }
    }
    return samples;
}

// Whatever may enter a polynomial may come, seen or not: bounds hold its interval and its values there.
void widen_bounds(model::Graph& graph) {
    constexpr int points = 1000;
    for (model::Node& node : graph.nodes) {
        const auto* apply = std::get_if<model::Apply>(&node.operation);
        if (apply == nullptr) continue;
        const double lower = apply->polynomial.lower;
        const double upper = apply->polynomial.upper;
        double& input_bound = graph.nodes[apply->input].bound;
        input_bound = std::max({input_bound, std::abs(lower), std::abs(upper)});
        for (int i = 0; i <= points; ++i) {
            const double x = lower + (upper - lower) * i / points;
            node.bound = std::max(node.bound, std::abs(model::evaluate_polynomial(apply->polynomial, x)));
        }
    }
}

Json describe(const std::vector<Site>& sites) {
    Json list = Json::array();
    for (const Site& site : sites) {
        list.push_back({{"node", site.name},
                        {"degree", site.polynomial->coefficients.size() - 1},
                        {"seen", {site.lower, site.upper}},
                        {"interval", {site.polynomial->lower, site.polynomial->upper}}});
    }
    return list;
}

}  // namespace

bool train_stage(const StagesOptions& options) {
    Workspace workspace(options);
    Batches batches = workspace.batches(workspace.config().train, 1);
    return workspace.run("train", 1, workspace.config().train, batches);
}

bool tune_stage(const StagesOptions& options) {
    Workspace workspace(options);
    Batches batches = workspace.batches(workspace.config().tune, 2);
    if (!fs::exists(workspace.checkpoint("tune"))) {
        workspace.load_complete("train");
        Transformer& model = workspace.model();
        const std::size_t steps = std::min(calibration_steps, batches.steps_per_epoch());
        set_target_ranges(model->sites, measure_ranges(model, batches, steps), workspace.config().ranges);
        note(options, "Ranges before tuning:\n" + measure_ranges(model, batches, steps / 8 + 1).text(model->sites));
    }
    return workspace.run("tune", 2, workspace.config().tune, batches);
}

bool convert_stage(const StagesOptions& options, const fs::path& directory) {
    Workspace workspace(options);
    const Config& config = workspace.config();
    Batches batches = workspace.batches(config.convert, 3);
    Transformer& model = workspace.model();
    if (!fs::exists(workspace.checkpoint("convert"))) {
        workspace.load_complete("tune");
        const RangeTable seen = measure_ranges(model, batches, std::min(calibration_steps, batches.steps_per_epoch()));
        note(options, "Ranges on the training text:\n" + seen.text(model->sites));
        substitute(model->sites, seen, config.substitution);
        const double perplexity = workspace.quality().perplexity_per_word;
        note(options,
             fmt::format("Polynomials put in: validation perplexity {:.2f} per word, before training with them",
                         perplexity));
        workspace.record("substitution", {{"validation_perplexity_per_word", perplexity}});
    }
    if (!workspace.run("convert", 3, config.convert, batches)) return false;

    model::Transformer converted = model::build_transformer(export_weights(model), export_polynomials(model));
    model::calibrate(converted.graph, embedded_samples(converted.embedding, batches, bound_samples), bound_margin);
    widen_bounds(converted.graph);
    fs::create_directories(directory);
    model::save_graph(converted.graph, directory);
    model::save_embedding(converted.embedding, directory);
    write_file(directory / "tokenizer.model", read_file(options.work / "tokenizer.model"));
    const Json metadata = {{"format", "polyformer-model-metadata"},
                           {"version", 1},
                           {"configuration", to_json(config)},
                           {"stages", workspace.results()},
                           {"polynomials", describe(model->sites)},
                           {"calibration",
                            {{"interval_margin", config.substitution.margin},
                             {"bound_margin", bound_margin},
                             {"bound_samples", bound_samples}}}};
    write_file(directory / "metadata.json", metadata.dump(2) + "\n");
    note(options, fmt::format("Wrote {}", directory.string()));
    return true;
}

}  // namespace polyformer::train
