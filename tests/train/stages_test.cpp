#include "train/stages.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/bundle.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "toy.h"
#include "train/prepared_text.h"

namespace polyformer::train {
namespace {

void prepare_toy(const ScratchDirectory& work) {
    PreparedText text;
    text.vocabulary = 300;  // the least that a configuration allows
    text.words = 2000;
    text.ids = toy_text(4000);
    save_text(text, work / "train.ids");
    text.ids.resize(400);
    text.words = 200;
    save_text(text, work / "valid.ids");
    write_file(work / "tokenizer.model", "the vocabulary");
    write_file(work / "config.json", R"({
        "model": {"layers": 1, "width": 16, "heads": 2, "context": 8, "feed_forward": 32, "vocabulary": 300},
        "train": {"epochs": 1, "batch": 8, "learning_rate": 0.01, "warmup_steps": 5},
        "tune": {"epochs": 0.5, "batch": 8, "learning_rate": 0.003, "range_weight": 0.1, "variance_weight": 0.1},
        "convert": {"epochs": 0.2, "batch": 8, "learning_rate": 0.001, "range_weight": 0.1}
    })");
}

TEST(Stages, LeadFromAPreparedTextToAModelDirectory) {
    const ScratchDirectory work("stages");
    prepare_toy(work);
    StagesOptions options;
    options.work = work.path();
    options.quiet = true;
    EXPECT_THROW(tune_stage(options), Error);  // nothing trained yet
    options.stop_after = 10;
    EXPECT_FALSE(train_stage(options));
    EXPECT_THROW(tune_stage(options), Error);  // not to the end
    options.stop_after.reset();
    EXPECT_TRUE(train_stage(options));
    EXPECT_TRUE(tune_stage(options));
    EXPECT_TRUE(convert_stage(options, work / "model"));

    const model::Graph graph = model::load_graph(work / "model");
    const model::Embedding embedding = model::load_embedding(work / "model");
    EXPECT_EQ(graph.vocabulary, 300U);
    EXPECT_EQ(read_file(work / "model/tokenizer.model"), "the vocabulary");
    const auto metadata = nlohmann::json::parse(read_file(work / "model/metadata.json"));
    EXPECT_EQ(metadata["polynomials"].size(), 5U);
    const double trained = metadata["stages"]["train"]["validation_perplexity_per_word"];
    const double converted = metadata["stages"]["convert"]["validation_perplexity_per_word"];
    EXPECT_LT(trained, 300.0);
    EXPECT_LT(converted, 1.1 * trained);
    for (const model::Node& node : graph.nodes) EXPECT_GT(node.bound, 0) << node.name;
    const model::Evaluation evaluation = model::evaluate(graph, embedding.embed(toy_text(8)));
    for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
        EXPECT_LT(evaluation.largest[id], 2 * graph.nodes[id].bound) << graph.nodes[id].name;
    }
}

TEST(Stages, RefuseATextOfAnotherVocabulary) {
    const ScratchDirectory work("vocabulary");
    prepare_toy(work);
    PreparedText text;
    text.vocabulary = 500;
    text.ids = toy_text(4000);
    save_text(text, work / "train.ids");
    StagesOptions options;
    options.work = work.path();
    options.quiet = true;
    EXPECT_THROW(train_stage(options), FormatError);
}

}  // namespace
}  // namespace polyformer::train
