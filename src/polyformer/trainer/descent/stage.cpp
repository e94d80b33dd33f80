#include "polyformer/trainer/descent/stage.h"

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <utility>
#include <vector>

#include "polyformer/support/extremes.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/descent/checkpoint.h"
#include "polyformer/trainer/descent/optimizer.h"
#include "polyformer/trainer/sites/penalties.h"
#include "polyformer/trainer/statistics/site_statistics.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

constexpr std::size_t curve_points = 150;
constexpr std::size_t table_every = 10;  // updates between those that the live table of ranges counts

// LibTorch 2.4 gave these functions a device.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
bool autocast_enabled(torch::DeviceType device) {
    return at::autocast::is_autocast_enabled(device);
}
void enable_autocast(torch::DeviceType device, bool enabled) {
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::set_autocast_dtype(device, torch::kBFloat16);
}
#else
bool autocast_enabled(torch::DeviceType device) {
    return device == torch::kCPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}
void enable_autocast(torch::DeviceType device, bool enabled) {
    if (device == torch::kCPU) {
        at::autocast::set_cpu_enabled(enabled);
        at::autocast::set_autocast_cpu_dtype(torch::kBFloat16);
    } else {
        at::autocast::set_enabled(enabled);
        at::autocast::set_autocast_gpu_dtype(torch::kBFloat16);
    }
}
#endif

// Mixed precision for the code in its scope.
class Autocast {
  public:
    Autocast(torch::Device device, Precision precision) : device_(device.type()), previous_(autocast_enabled(device_)) {
        enable_autocast(device_, precision == Precision::bfloat16);
    }
    ~Autocast() {
        at::autocast::clear_cache();
        enable_autocast(device_, previous_);
    }
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;
    Autocast(Autocast&&) = delete;
    Autocast& operator=(Autocast&&) = delete;

  private:
    torch::DeviceType device_;
    bool previous_;
};

struct Losses {
    double task = 0;  ///< as Network::loss() has it
    double range = 0;
    double variance = 0;
};

// Largest |score| and |pre-activation|, and the widest ratio of variances.
void note_extremes(const std::vector<Site>& sites, const std::vector<Tensor>& inputs, CurvePoint& point) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
        const Tensor x = inputs[i].detach();
        if (sites[i].kind == SiteKind::variance) {
            point.variance_ratio = larger(point.variance_ratio, (x.max() / x.min()).item<double>());
        } else {
            double& largest = sites[i].kind == SiteKind::scores ? point.largest_score : point.largest_hidden;
            largest = larger(largest, x.abs().max().item<double>());
        }
    }
}

// What one update does, apart from the optimiser's step.
class Descent {
  public:
    Descent(Network& model, Examples& batches, const StageOptions& options)
        : model_(model), batches_(batches), options_(options) {}

    bool with_ranges() const { return penalised(options_.schedule); }

    // Adds up the gradients of all passes of an update; `ramp` in [0, 1] is on the penalties.
    Losses backward(std::size_t step, double ramp, RangeTable* table, CurvePoint* point) {
        const Schedule& schedule = options_.schedule;
        Losses sum;
        const auto share = 1.0 / static_cast<double>(schedule.accumulate);
        for (std::size_t pass = 0; pass < schedule.accumulate; ++pass) {
            const Batch batch = batches_.at(step * schedule.accumulate + pass).to(options_.device);
            const bool record = with_ranges() || point != nullptr;
            Tensor loss;
            {
                const Autocast autocast(options_.device, options_.precision);
                loss = model_.loss(batch.input, batch.target, record ? &inputs_ : nullptr);
            }
            sum.task += share * loss.item<double>();
            if (with_ranges()) {
                const Tensor range = range_penalty(model_.sites, inputs_);
                const Tensor variance = variance_penalty(model_.sites, inputs_) + model_.weights_penalty();
                loss = loss + ramp * schedule.range_weight * range + ramp * schedule.variance_weight * variance;
                sum.range += share * range.item<double>();
                sum.variance += share * variance.item<double>();
                if (table != nullptr) table->add(model_.sites, inputs_);
            }
            if (point != nullptr) note_extremes(model_.sites, inputs_, *point);
            inputs_.clear();
            (schedule.accumulate == 1 ? loss : loss * share).backward();
        }
        return sum;
    }

  private:
    Network& model_;
    Examples& batches_;
    const StageOptions& options_;
    std::vector<Tensor> inputs_;
};

std::filesystem::path best_of(const StageOptions& options) {
    return options.checkpoint.string() + ".best";
}

}  // namespace

double learning_rate_at(const Schedule& schedule, std::size_t step, std::size_t steps) {
    const auto done = static_cast<double>(step + 1);
    const auto warmup = static_cast<double>(schedule.warmup_steps);
    if (done < warmup) return schedule.learning_rate * done / warmup;
    const double share = (done - warmup) / std::max(1.0, static_cast<double>(steps) - warmup);
    return schedule.learning_rate * (1 + std::cos(std::numbers::pi * std::min(1.0, share))) / 2;
}

StageOutcome run_stage(Network& model, Examples& batches, const StageOptions& options) {
    const Schedule& schedule = options.schedule;
    const auto steps = static_cast<std::size_t>(std::lround(
        schedule.epochs * static_cast<double>(batches.steps_per_epoch()) / static_cast<double>(schedule.accumulate)));
    model.to(options.device);
    Optimizer optimizer(model, schedule, options.precision);
    Reached reached;
    if (std::filesystem::exists(options.checkpoint)) {
        reached = resume_checkpoint(options.checkpoint, model, optimizer, options.recipe);
        model.to(options.device);
    }
    const std::size_t first = reached.step;
    const double seconds_before = reached.history.seconds;
    const Stopwatch watch;
    std::size_t saved_at = first;
    const auto save = [&] {
        reached.history.seconds = seconds_before + watch.seconds();
        save_checkpoint(options.checkpoint, model, optimizer, reached, options.recipe);
        saved_at = reached.step;
    };
    const std::size_t last = options.stop_after ? std::min(steps, first + *options.stop_after) : steps;
    const std::size_t point_every = std::max<std::size_t>(1, steps / curve_points);
    const auto units_per_update = static_cast<double>(batches.units_per_batch() * schedule.accumulate);

    model.train();
    model.dropout = schedule.dropout;
    Progress progress(options.name, static_cast<double>(steps - first), options.quiet);
    Descent descent(model, batches, options);
    RangeTable table;
    // Of the step reached, unless the checkpoint has it. Returns whether it came to its end.
    const auto validate = [&] {
        if (schedule.validate_every == 0 || reached.step % schedule.validate_every != 0 || reached.step == 0 ||
            !options.validate || reached.history.validated(reached.step)) {
            return true;
        }
        try {
            reached.history.add_validation(reached.step, options.validate());
        } catch (const Interrupted&) {
            return false;
        }
        model.train();
        if (schedule.patience > 0 && reached.history.improved()) save_model(best_of(options), model, options.recipe);
        return true;
    };
    bool validated = false;
    while ((validated = validate()) && reached.step < last && !interruption_requested() &&
           !reached.history.stalled(schedule.patience)) {
        torch::manual_seed(mix(options.seed, reached.step));
        const double rate = learning_rate_at(schedule, reached.step, steps);
        const double ramp_steps = schedule.penalty_ramp * static_cast<double>(steps);
        const double ramp = ramp_steps > 0 ? std::min(1.0, static_cast<double>(reached.step + 1) / ramp_steps) : 1;

        optimizer.zero_gradients();
        CurvePoint point;
        const bool plot = reached.step % point_every == 0 || reached.step + 1 == steps;
        const bool tabulate = !options.quiet && reached.step % table_every == 0;
        const Losses losses =
            descent.backward(reached.step, ramp, tabulate ? &table : nullptr, plot ? &point : nullptr);
        const double norm = torch::nn::utils::clip_grad_norm_(model.parameters(), schedule.gradient_clip);
        require<DivergenceError>(
            std::isfinite(losses.task) && std::isfinite(norm),
            "{} diverged at step {}: loss {}, gradient norm {}, learning rate {}. Lower {}.learning_rate or raise "
            "{}.warmup_steps; the checkpoint of step {} is kept",
            options.name, reached.step, losses.task, norm, rate, options.name, options.name, saved_at);
        optimizer.step(rate / schedule.learning_rate);
        ++reached.step;
        double& smooth = reached.history.loss;
        smooth = smooth == 0 ? losses.task : 0.98 * smooth + 0.02 * losses.task;
        if (plot) {
            point.step = reached.step;
            point.loss = smooth;
            point.rate = rate;
            point.gradient_norm = norm;
            reached.history.add(point);
        }

        std::string note = fmt::format("step {}/{}, {:.0f} {}/s, loss {:.3f}, rate {:.1e}", reached.step, steps,
                                       static_cast<double>(reached.step - first) * units_per_update / watch.seconds(),
                                       batches.unit(), smooth, rate);
        if (descent.with_ranges())
            note += fmt::format(", range {:.2e}, variance {:.3f}", losses.range, losses.variance);
        progress.update(static_cast<double>(reached.step - first), note);
        if (reached.step % options.checkpoint_every == 0) {
            save();
            if (descent.with_ranges() && !options.quiet) {
                to_stderr("\n{}", table.text(model.sites));
                table = RangeTable();
            }
        }
    }
    StageOutcome outcome{.step = reached.step, .steps = steps};
    outcome.complete = validated && (reached.step == steps || reached.history.stalled(schedule.patience));
    if (outcome.complete && schedule.patience > 0 && std::filesystem::exists(best_of(options))) {
        load_model(best_of(options), model, options.recipe);
    }
    save();
    outcome.history = reached.history;
    progress.finish(outcome.complete ? std::string() : "interrupted: the same command goes on from here");
    model.eval();
    return outcome;
}

}  // namespace polyformer::train
