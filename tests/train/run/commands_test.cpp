// `polyformer train`, `tune` and `convert` with the real trainer.
#include "polyformer/train/run/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/configuration/stage_request.h"
#include "tests/support/message_of.h"
#include "tests/train/scratch.h"
#include "tests/train/study/small_road.h"

namespace polyformer::train {
namespace {

using testing::HasSubstr;

TrainOptions options_for(const ScratchFolder& folder, const nlohmann::ordered_json& config) {
    write_file(folder.path() / "config.json", config.dump());
    write_small_texts(folder.path() / "data");
    TrainOptions options;
    options.config = folder.path() / "config.json";
    options.data = folder.path() / "data";
    options.work = folder.path() / "work";
    options.trainer.program = POLYFORMER_TRAINER;
    options.trainer.quiet = true;
    return options;
}

TEST(Commands, LeadFromTextToAModelThatTheInterpreterReads) {
    const ScratchFolder folder("commands");
    const TrainOptions options = options_for(folder, small_config());
    EXPECT_THAT(message_of([&] { run_tune(options); }), HasSubstr("failed"));  // nothing trained yet
    EXPECT_TRUE(run_train(options));
    EXPECT_TRUE(run_tune(options));
    EXPECT_TRUE(run_convert(options, folder.path() / "model"));
    const model::Graph graph = model::load_graph(folder.path() / "model");
    const model::Tokenizer tokenizer(folder.path() / "model/tokenizer.model");
    std::vector<std::int32_t> ids = tokenizer.encode("the cat sat");
    ids.resize(std::min<std::size_t>(ids.size(), 8));
    const model::Embedding embedding = model::load_embedding(folder.path() / "model");
    EXPECT_EQ(model::evaluate(graph, embedding.embed(ids)).logits.columns, 300U);
    EXPECT_EQ(load_results(options.work / "convert")["complete"], true);
}

TEST(Commands, GoOnInAWorkFolderThatWasMovedAndIsNamedFromElsewhere) {
    const ScratchFolder folder("moved");
    TrainOptions options = options_for(folder, small_config());
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    options.work = "work";
    EXPECT_TRUE(run_train(options));
    EXPECT_TRUE(run_tune(options));
    std::filesystem::current_path(before);
    options.work = folder.path() / "kept";
    std::filesystem::rename(folder.path() / "work", options.work);
    EXPECT_TRUE(run_convert(options, folder.path() / "model"));
    EXPECT_EQ(model::load_graph(folder.path() / "model").vocabulary, 300U);
}

TEST(Commands, RefuseAWorkFolderOfAnotherConfiguration) {
    const ScratchFolder folder("another");
    nlohmann::ordered_json config = small_config();
    EXPECT_TRUE(run_train(options_for(folder, config)));
    config["train"]["learning_rate"] = 0.02;
    const TrainOptions options = options_for(folder, config);
    EXPECT_THAT(message_of([&] { run_train(options); }), HasSubstr("another configuration"));
}

TEST(Commands, RefuseStagesThatTheConfigurationLacks) {
    const ScratchFolder folder("lacking");
    nlohmann::ordered_json config = small_config();
    config["tune"]["epochs"] = 0;
    const TrainOptions options = options_for(folder, config);
    EXPECT_THAT(message_of([&] { run_tune(options); }), HasSubstr("tune.epochs are 0"));
    config["model"]["attention"]["form"] = "softmax";
    const TrainOptions softmax = options_for(folder, config);
    EXPECT_THAT(message_of([&] { run_convert(softmax, folder.path() / "model"); }), HasSubstr("divides by a sum"));
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "model"));
}

}  // namespace
}  // namespace polyformer::train
