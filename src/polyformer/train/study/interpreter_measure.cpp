#include "polyformer/train/study/interpreter_measure.h"

#include <cmath>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_quality.h"
#include "polyformer/model/interpreter/interval_report.h"
#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/perplexity.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"

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

}  // namespace

void measure_by_interpreter(const StudyStage& stage, const fs::path& data, bool quiet) {
    const fs::path file = stage.folder / "interpreter.json";
    if (fs::exists(file)) return;
    const Stopwatch watch;
    const auto measure = stage.request.config.vision ? measure_images : measure_text;
    Json json = measure(stage.request.model, data, quiet);
    json["seconds"] = watch.seconds();
    write_file(file, json.dump(1) + "\n");
}

}  // namespace polyformer::train
