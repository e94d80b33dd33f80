// What the stages need to know of a model's task: language or images.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/trainer/batches/examples.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {

class Task {
  public:
    Task() = default;
    virtual ~Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    Task(Task&&) = delete;
    Task& operator=(Task&&) = delete;

    /// With weights drawn from LibTorch's default generator.
    virtual std::shared_ptr<Network> make_network() = 0;
    /// The training set in batches as the schedule says, at least of one.
    virtual std::unique_ptr<Examples> training(const Schedule& schedule, std::uint64_t seed) = 0;
    /// How well the network of this task does on a split: {"perplexity"}, for images {"accuracy", "top5_accuracy",
    /// "perplexity"}, accuracies in percent, the perplexity exp() of the mean cross-entropy. On a part of the
    /// validation set if it is long.
    virtual nlohmann::ordered_json measure(Network& network, const std::string& split) = 0;
    /// On input unlike what it was trained on: a list for reports.
    virtual nlohmann::ordered_json stability(Network& network) = 0;
    /// Writes what encrypted inference starts from to request.model: graph with its bounds from a pass of the exact
    /// interpreter over training examples, what the client needs, metadata.json with `results` of the road's stages.
    virtual void write_model(Network& network, Examples& training, const nlohmann::ordered_json& results) = 0;
};

/// Throws Error when what the request names is missing or damaged.
std::unique_ptr<Task> make_task(const StageRequest& request);

/// One maker a source in this folder.
std::unique_ptr<Task> make_language_task(const StageRequest& request);
std::unique_ptr<Task> make_image_task(const StageRequest& request);

}  // namespace polyformer::train
