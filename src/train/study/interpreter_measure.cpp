#include "train/study/interpreter_measure.h"

#include <chrono>

#include "model/bundle.h"
#include "model/corpus.h"
#include "model/perplexity.h"
#include "support/atomic_file.h"
#include "support/progress.h"

namespace polyformer::train {

using Json = nlohmann::ordered_json;

void measure_by_interpreter(const StudyStage& stage, const std::filesystem::path& data, bool quiet) {
    const std::filesystem::path file = stage.folder / "interpreter.json";
    if (std::filesystem::exists(file)) return;
    const auto start = std::chrono::steady_clock::now();
    const std::filesystem::path& directory = stage.request.model;
    const model::Graph graph = model::load_graph(directory);
    const model::Embedding embedding = model::load_embedding(directory);
    const model::Tokenizer tokenizer(directory / "tokenizer.model");
    const model::TokenizedText text = model::tokenize_file(model::corpus_file(data, "test"), tokenizer);
    Progress bar("exact interpreter", 1, quiet);
    const model::TextScore score =
        model::score_text([&](const model::Tensor& embedded) { return model::evaluate(graph, embedded); }, embedding,
                          text.ids, text.end_of_line, (graph.context + 1) / 2, [&](double done) { bar.update(done); });
    bar.finish();
    Json intervals = Json::array();
    for (const model::IntervalReport& report : score.intervals) {
        intervals.push_back({{"node", report.node},
                             {"interval", {report.lower, report.upper}},
                             {"seen", {report.smallest, report.largest}},
                             {"values", report.values},
                             {"outside", report.outside}});
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const Json json = {{"perplexity", model::perplexity_per_word(score.nats, text.words)},
                       {"words", text.words},
                       {"intervals", intervals},
                       {"seconds", elapsed.count()}};
    write_file(file, json.dump(1) + "\n");
}

}  // namespace polyformer::train
