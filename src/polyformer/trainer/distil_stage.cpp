#include "polyformer/trainer/distil_stage.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/distillation/distil_request.h"
#include "polyformer/train/process/folder_lock.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/conversion/substitution.h"
#include "polyformer/trainer/distillation/encoder_texts.h"
#include "polyformer/trainer/distillation/student.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::size_t start_steps = 30;  // batches that shifts are fitted to
constexpr std::size_t range_steps = 20;  // batches that ranges come from

EncoderTexts texts_in(const DistilRequest& request, const char* split, std::uint64_t salt) {
    const DistilSettings& settings = request.settings;
    PreparedText rows = load_text(request.prepared / (std::string(split) + ".ids"));
    const std::size_t count = rows.ids.size() / settings.context;
    require<FormatError>(rows.ids.size() == count * settings.context,
                         "{}: {} tokens are no rows of {}: delete it, and 'polyformer distil' makes it anew",
                         (request.prepared / split).string(), rows.ids.size(), settings.context);
    return {std::move(rows), settings.context, std::min(settings.batch, std::max<std::size_t>(1, count)),
            mix(settings.seed, salt)};
}

Json to_json(const Distance& distance) {
    return {{"loss", distance.loss}, {"cosine", distance.cosine}};
}

class Distillation {
  public:
    explicit Distillation(const StagesOptions& options)
        : options_(options),
          request_(load_distil_request(options.folder)),
          train_(texts_in(request_, "train", 1)),
          valid_(texts_in(request_, "valid", 2)) {
        torch::set_num_threads(static_cast<int>(options.threads));
        torch::manual_seed(mix(request_.settings.seed, 0));
        auto teacher = std::make_shared<model::EncoderCheckpoint>(model::read_encoder(request_.teacher));
        student_ = std::make_shared<Student>(std::move(teacher), request_.settings.attention);
    }

    bool run() {
        const fs::path checkpoint = options_.folder / "checkpoint";
        if (!fs::exists(checkpoint)) start();
        const StageOptions stage{.name = distil_name,
                                 .schedule = schedule_of(request_.settings, train_.steps_per_epoch()),
                                 .seed = mix(request_.settings.seed, 3),
                                 .checkpoint = checkpoint,
                                 .recipe = request_.recipe.dump(),
                                 .device = options_.device,
                                 .precision = options_.precision,
                                 .quiet = options_.quiet,
                                 .stop_after = options_.stop_after};
        const StageOutcome outcome = run_stage(*student_, train_, stage);
        if (!outcome.complete) return false;
        Json results = load_results(options_.folder);
        results["complete"] = true;
        results["updates"] = outcome.step;
        results["seconds"] = outcome.history.seconds;
        results["training_loss"] = outcome.history.loss;
        results["held_out"]["after"] = to_json(student_->distance(valid_, valid_.steps_per_epoch()));
        results["sites_after"] = train::to_json(student_->sites, ranges());
        results["curve"] = outcome.history.json()["curve"];
        write(results);
        student_->to(torch::kCPU);
        model::write_encoder(student_->shape(), student_->weights(), request_.teacher, request_.out);
        return true;
    }

  private:
    void start() {
        student_->start_pointwise(train_, std::min(start_steps, train_.steps_per_epoch()));
        student_->to(options_.device);
        const DistilSettings& settings = request_.settings;
        const RangeTable seen = ranges();
        set_target_ranges(student_->sites, seen,
                          {.scores = settings.scores,
                           .hidden = settings.hidden,
                           .variance_ratio = settings.variance_ratio,
                           .sites = {}});
        Json results = {{"settings", train::to_json(settings)}, {"complete", false}};
        results["held_out"]["before"] = to_json(student_->distance(valid_, valid_.steps_per_epoch()));
        results["sites_before"] = train::to_json(student_->sites, seen);
        write(results);
        if (options_.quiet) return;  // the table is for people: shares outside the intervals just set
        to_stderr("Ranges before '{}':\n{}", distil_name, ranges(range_steps / 4).text(student_->sites));
    }

    RangeTable ranges(std::size_t most_steps = range_steps) {
        return measure_ranges(*student_, train_,
                              {.steps = std::min(most_steps, train_.steps_per_epoch()),
                               .histograms = Histograms::collect,
                               .quiet = options_.quiet});
    }

    fs::path results_file() const { return options_.folder / "results.json"; }
    void write(const Json& results) const { write_file(results_file(), results.dump(1) + "\n"); }

    StagesOptions options_;
    DistilRequest request_;
    EncoderTexts train_;
    EncoderTexts valid_;
    std::shared_ptr<Student> student_;
};

}  // namespace

bool carry_out_distillation(const StagesOptions& options) {
    const FolderLock lock(options.folder);
    try {
        return Distillation(options).run();
    } catch (const Interrupted&) {
        return false;
    }
}

}  // namespace polyformer::train
