// Language models: texts as tokens, perplexity per word.
#include <algorithm>
#include <filesystem>

#include "polyformer/support/error.h"
#include "polyformer/train/data/prepared_text.h"
#include "polyformer/trainer/batches/batches.h"
#include "polyformer/trainer/conversion/model_directory.h"
#include "polyformer/trainer/conversion/stability.h"
#include "polyformer/trainer/descent/perplexity.h"
#include "polyformer/trainer/network/transformer.h"
#include "polyformer/trainer/tasks/task.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t validation_tokens = 100000;

class LanguageTask : public Task {
  public:
    explicit LanguageTask(const StageRequest& request) : request_(request) {}

    std::shared_ptr<Network> make_network() override {
        return std::make_shared<TransformerImpl>(request_.config.model);
    }

    std::unique_ptr<Examples> training(const Schedule& schedule, std::uint64_t seed) override {
        return std::make_unique<Batches>(text("train"), request_.config.model.context,
                                         std::max<std::size_t>(1, schedule.batch), seed, schedule.strange_share);
    }

    Json measure(Network& network, const std::string& split) override {
        const std::size_t most = split == "test" ? SIZE_MAX : validation_tokens;
        return {{"perplexity", evaluate(transformer(network), text(split), most).perplexity_per_word}};
    }

    Json stability(Network& network) override {
        return measure_stability(transformer(network), text("test"), request_.config.seed);
    }

    void write_model(Network& network, Examples& training, const Json& results) override {
        write_language_model(transformer(network), dynamic_cast<Batches&>(training), request_, results);
    }

  private:
    static TransformerImpl& transformer(Network& network) { return dynamic_cast<TransformerImpl&>(network); }

    PreparedText text(const std::string& split) const {
        const std::filesystem::path file = request_.prepared / (split + ".ids");
        PreparedText text = load_text(file);
        require<FormatError>(text.vocabulary == request_.config.model.vocabulary,
                             "{} has a vocabulary of {}, the configuration one of {}: work in another folder",
                             file.string(), text.vocabulary, request_.config.model.vocabulary);
        return text;
    }

    StageRequest request_;
};

}  // namespace

std::unique_ptr<Task> make_language_task(const StageRequest& request) {
    return std::make_unique<LanguageTask>(request);
}

}  // namespace polyformer::train
