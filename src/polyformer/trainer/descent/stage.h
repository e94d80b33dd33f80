// One stage of gradient descent, from its checkpoint, if there is one, to its last step.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "polyformer/support/error.h"
#include "polyformer/train/configuration/config.h"
#include "polyformer/train/run/history.h"
#include "polyformer/trainer/batches/examples.h"
#include "polyformer/trainer/descent/precision.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

/// Thrown when a loss or a gradient is no longer finite.
class DivergenceError : public Error {
  public:
    using Error::Error;
};

struct StageOptions {
    std::string name;  ///< "train", "tune" or "convert": for progress and messages
    Schedule schedule;
    std::uint64_t seed = 1;
    std::filesystem::path checkpoint;  ///< resumed from when it exists, kept up to date while training
    std::string recipe;                ///< what a resumed run must share
    torch::Device device = torch::kCPU;
    Precision precision = Precision::float32;
    /// Perplexity on the validation text, for schedules that ask for it while training.
    std::function<double()> validate = nullptr;
    std::size_t checkpoint_every = 250;
    bool quiet = false;
    /// Ends the run early with a checkpoint, as Ctrl-C does; the schedule stays that of the whole stage.
    std::optional<std::size_t> stop_after = std::nullopt;
};

struct StageOutcome {
    std::size_t step = 0;   ///< updates done, those before a resumption included
    std::size_t steps = 0;  ///< of the whole stage
    bool complete = false;  ///< to the last step, or ended by early stopping
    History history = {};
};

/// Minimises task + α·range + β·variance. Every step is a function of the seed and the state before it, so a run that
/// was interrupted ends with exactly the weights of one that was not. After early stopping the model and the checkpoint
/// hold the weights of the best validation. An InterruptionGuard's signal ends it after the step in hand, or during a
/// validation, with a checkpoint. Throws DivergenceError when the loss is no longer finite, naming the step and what to
/// change; the last checkpoint stays.
StageOutcome run_stage(Network& model, Examples& batches, const StageOptions& options);

/// Linear warm-up to `learning_rate`, then a half cosine down to zero at `steps`.
double learning_rate_at(const Schedule& schedule, std::size_t step, std::size_t steps);

}  // namespace polyformer::train
