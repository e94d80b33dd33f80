#include "polyformer/train/study/interpreter_measure.h"

#include <cmath>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_quality.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/perplexity.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/json.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/train/process/interruption.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

Json measure_text(const fs::path& directory, const fs::path& data, bool quiet) {
    const model::Graph graph = model::load_graph(directory);
    const model::Embedding embedding = model::load_embedding(directory);
    const model::Tokenizer tokenizer(directory / "tokenizer.model");
    const model::TokenizedText text = model::tokenize_file(model::corpus_file(data, "test"), tokenizer);
    Progress bar("exact interpreter", 1, quiet);
    const model::TextScore score =
        model::score_text([&](const model::Tensor& embedded) { return model::evaluate(graph, embedded); }, embedding,
                          text.ids, text.end_of_line, (graph.context + 1) / 2, [&](double done) { bar.update(done); });
    bar.finish();
    return {{"perplexity", model::perplexity_per_word(score.nats, text.words)},
            {"words", text.words},
            {"intervals", model::to_json(score.intervals)}};
}

Json measure_images(const fs::path& directory, const fs::path& data, bool quiet) {
    const model::ImageQuality quality =
        model::measure_image_quality({.model = directory, .data = data, .split = "test", .quiet = quiet});
    return {{"accuracy", 100 * quality.polynomial.top_1},
            {"top5_accuracy", 100 * quality.polynomial.top_5},
            {"perplexity", std::exp(quality.polynomial.loss)},
            {"images", quality.images},
            {"intervals", model::to_json(quality.intervals)}};
}

// What the interpreter reads of a model.
std::string digest_of_files(const fs::path& directory) {
    Json digests = Json::object();
    for (const char* name :
         {"graph.json", "weights.safetensors", "embedding.safetensors", "tokenizer.model", "image.json"}) {
        if (fs::exists(directory / name)) digests[name] = blake2b_of_file(directory / name);
    }
    return blake2b_hex(digests.dump());
}

}  // namespace

void measure_by_interpreter(const StudyStage& stage, const fs::path& data, bool quiet) {
    const fs::path file = stage.folder / "interpreter.json";
    const std::string model = digest_of_files(stage.request.model);
    const Json before = measured_by_interpreter(stage);
    if (before.value("model", std::string()) == model) return;
    const Stopwatch watch;
    const auto measure = stage.request.config.vision ? measure_images : measure_text;
    Json json = {{"model", model}, {"test_digest", stage.request.test_digest}};
    {
        const EndAtOnce guard;  // the interpreter takes minutes and cannot be asked to stop
        json.update(measure(stage.request.model, data, quiet));
    }
    json["seconds"] = watch.seconds();
    write_file(file, to_text(json, 1) + "\n");
}

Json measured_by_interpreter(const StudyStage& stage) {
    const fs::path file = stage.folder / "interpreter.json";
    if (!fs::exists(file)) return Json::object();
    const Json measured = Json::parse(read_file(file), nullptr, false);
    const bool current =
        measured.is_object() && measured.value("test_digest", std::string()) == stage.request.test_digest;
    return current ? measured : Json::object();
}

}  // namespace polyformer::train
