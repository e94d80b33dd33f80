// Image models: labelled images, accuracy.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "polyformer/support/error.h"
#include "polyformer/train/data/prepared_images.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/trainer/batches/image_batches.h"
#include "polyformer/trainer/conversion/image_stability.h"
#include "polyformer/trainer/conversion/model_directory.h"
#include "polyformer/trainer/network/vision.h"
#include "polyformer/trainer/tasks/task.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
using torch::Tensor;

constexpr std::size_t evaluation_batch = 250;

class ImageTask : public Task {
  public:
    explicit ImageTask(const StageRequest& request) : request_(request) {
        check(*request.config.vision);
        colours_ = measure_colours(images("train"));
    }

    std::shared_ptr<Network> make_network() override {
        return std::make_shared<VisionNetworkImpl>(*request_.config.vision);
    }

    std::unique_ptr<Examples> training(const Schedule& schedule, std::uint64_t seed) override {
        return std::make_unique<ImageBatches>(images("train"), colours_, request_.config.augmentation,
                                              std::max<std::size_t>(1, schedule.batch), seed, schedule.strange_share);
    }

    Json measure(Network& network, const std::string& split) override {
        const torch::NoGradGuard no_gradients;
        network.eval();
        const PreparedImages set = images(split);
        const auto most = std::min<std::int64_t>(5, static_cast<std::int64_t>(set.classes.size()));
        double nats = 0;
        double first = 0;
        double among_first = 0;
        for (std::size_t begin = 0; begin < set.size(); begin += evaluation_batch) {
            check_interruption();
            const Batch batch =
                plain_images(set, colours_, begin, std::min(begin + evaluation_batch, set.size())).to(network.device());
            const Tensor logits = network.forward(batch.input);
            nats += cross_entropy(logits, batch.target, torch::kSum).item<double>();
            const Tensor best = std::get<1>(logits.topk(most, 1)) == batch.target.unsqueeze(1);  // (B, 5)
            first += best.slice(1, 0, 1).sum().item<double>();
            among_first += best.sum().item<double>();
        }
        const auto count = static_cast<double>(set.size());
        return {{"accuracy", 100 * first / count},
                {"top5_accuracy", 100 * among_first / count},
                {"perplexity", std::exp(nats / count)}};
    }

    Json stability(Network& network) override {
        return measure_image_stability(network, images("test"), colours_, request_.config.seed);
    }

    void write_model(Network& network, Examples& training, const Json& results) override {
        write_image_model(dynamic_cast<VisionNetworkImpl&>(network), training, images("train").classes, colours_,
                          request_, results);
    }

  private:
    PreparedImages images(const std::string& split) const {
        const std::filesystem::path file = request_.prepared / (split + ".images");
        PreparedImages set = load_images(file);
        const VisionArchitecture& model = *request_.config.vision;
        require<FormatError>(set.height == model.height && set.width == model.width,
                             "{} holds images of {}×{} pixels, the configuration takes {}×{}: work in another folder",
                             file.string(), set.width, set.height, model.width, model.height);
        require<FormatError>(set.classes.size() == model.classes,
                             "{} has {} classes, the configuration {}: set vision.classes to {}", file.string(),
                             set.classes.size(), model.classes, set.classes.size());
        return set;
    }

    StageRequest request_;
    Colours colours_;
};

}  // namespace

std::unique_ptr<Task> make_image_task(const StageRequest& request) {
    return std::make_unique<ImageTask>(request);
}

}  // namespace polyformer::train
