#include "train/stage.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <utility>
#include <vector>

#include "support/error.h"
#include "support/progress.h"
#include "train/checkpoint.h"
#include "train/interruption.h"
#include "train/ranges.h"

namespace polyformer::train {
namespace {

using torch::Tensor;

// Weight decay pulls on matrices only: on norms and biases it would fight what they are for.
torch::optim::AdamW make_optimizer(Transformer& model, const Schedule& schedule) {
    std::vector<Tensor> matrices;
    std::vector<Tensor> vectors;
    for (const Tensor& parameter : model->parameters()) (parameter.dim() > 1 ? matrices : vectors).push_back(parameter);
    const auto options = [&](double decay) {
        return std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions(schedule.learning_rate).betas({0.9, 0.98}).eps(1e-8).weight_decay(decay));
    };
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(matrices, options(schedule.weight_decay));
    groups.emplace_back(vectors, options(0));
    return torch::optim::AdamW(std::move(groups), torch::optim::AdamWOptions(schedule.learning_rate));
}

struct Losses {
    Tensor task;  ///< mean cross-entropy, nats per token
    Tensor range;
    Tensor variance;
};

Losses losses_of(Transformer& model, const Tensor& tokens, bool with_ranges, RangeTable* table) {
    const std::int64_t length = tokens.size(1) - 1;
    std::vector<Tensor> inputs;
    const Tensor logits = model->forward(tokens.slice(1, 0, length), with_ranges ? &inputs : nullptr);
    Losses losses;
    losses.task = torch::nn::functional::cross_entropy(logits.flatten(0, 1), tokens.slice(1, 1).flatten());
    if (with_ranges) {
        losses.range = range_penalty(model->sites, inputs);
        losses.variance = variance_penalty(model->sites, inputs);
        if (table != nullptr) table->add(model->sites, inputs);
    }
    return losses;
}

}  // namespace

double learning_rate_at(const Schedule& schedule, std::size_t step, std::size_t steps) {
    const auto done = static_cast<double>(step + 1);
    const auto warmup = static_cast<double>(schedule.warmup_steps);
    if (done < warmup) return schedule.learning_rate * done / warmup;
    const double share = (done - warmup) / std::max(1.0, static_cast<double>(steps) - warmup);
    return schedule.learning_rate * (1 + std::cos(std::numbers::pi * std::min(1.0, share))) / 2;
}

StageOutcome run_stage(Transformer& model, Batches& batches, const StageOptions& options) {
    const Schedule& schedule = options.schedule;
    StageOutcome outcome;
    outcome.steps =
        static_cast<std::size_t>(std::lround(schedule.epochs * static_cast<double>(batches.steps_per_epoch())));
    torch::optim::AdamW optimizer = make_optimizer(model, schedule);
    if (std::filesystem::exists(options.checkpoint)) {
        outcome.step = resume_checkpoint(options.checkpoint, model, optimizer, options.recipe);
    }
    std::size_t saved_at = outcome.step;
    const auto save = [&] {
        save_checkpoint(options.checkpoint, model, optimizer, outcome.step, options.recipe);
        saved_at = outcome.step;
    };
    const bool with_ranges = schedule.range_weight > 0 || schedule.variance_weight > 0;
    const std::size_t last =
        options.stop_after ? std::min(outcome.steps, outcome.step + *options.stop_after) : outcome.steps;

    model->train();
    model->dropout = schedule.dropout;
    const std::size_t first = outcome.step;
    Progress progress(options.name, static_cast<double>(outcome.steps - first), options.quiet);
    const InterruptionGuard interruption;
    RangeTable table;
    while (outcome.step < last && !interruption.requested()) {
        torch::manual_seed(mix(options.seed, outcome.step));
        const double rate = learning_rate_at(schedule, outcome.step, outcome.steps);
        for (auto& group : optimizer.param_groups()) static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate);

        const Losses losses = losses_of(model, batches.at(outcome.step), with_ranges, options.quiet ? nullptr : &table);
        Tensor loss = losses.task;
        if (with_ranges)
            loss = loss + schedule.range_weight * losses.range + schedule.variance_weight * losses.variance;
        optimizer.zero_grad();
        loss.backward();
        const double norm = torch::nn::utils::clip_grad_norm_(model->parameters(), schedule.gradient_clip);
        const auto task = losses.task.item<double>();
        require(std::isfinite(task) && std::isfinite(norm),
                "{} diverged at step {}: loss {}, gradient norm {}, learning rate {}. Lower {}.learning_rate or raise "
                "{}.warmup_steps; the checkpoint of step {} is kept",
                options.name, outcome.step, task, norm, rate, options.name, options.name, saved_at);
        optimizer.step();
        ++outcome.step;
        outcome.loss = outcome.loss == 0 ? task : 0.98 * outcome.loss + 0.02 * task;

        std::string note =
            fmt::format("step {}/{}, loss {:.3f}, rate {:.1e}", outcome.step, outcome.steps, outcome.loss, rate);
        if (with_ranges) {
            note += fmt::format(", range {:.2e}, variance {:.3f}", losses.range.item<double>(),
                                losses.variance.item<double>());
        }
        progress.update(static_cast<double>(outcome.step - first), note);
        if (outcome.step % options.checkpoint_every == 0) {
            save();
            if (with_ranges && !options.quiet) {
                fmt::print(stderr, "\n{}", table.text(model->sites));
                table = RangeTable();
            }
        }
    }
    save();
    progress.finish(outcome.complete() ? std::string() : "interrupted: the same command goes on from here");
    model->eval();
    return outcome;
}

}  // namespace polyformer::train
