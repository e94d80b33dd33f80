// `polyformer train`, `tune` and `convert` with the real trainer.
#include "polyformer/train/run/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/configuration/stage_request.h"
#include "polyformer/train/process/folder_lock.h"
#include "polyformer/train/process/interruption.h"
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
    EXPECT_THAT(message_of([&] { run_tune(options); }), HasSubstr("run 'polyformer train' first"));
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

TEST(Commands, RefuseToGoOnWithOtherData) {
    const ScratchFolder folder("other-data");
    const TrainOptions options = options_for(folder, small_config());
    ASSERT_TRUE(run_train(options));
    const std::filesystem::path text = folder.path() / "data/wiki.train.tokens";
    const std::string before = read_file(text);
    std::string after = before;
    after[100] = after[100] == 'a' ? 'b' : 'a';  // as long as before
    write_file(text, after);
    const std::string tokenizer = read_file(options.work / "tokenizer.model");
    EXPECT_THAT(message_of([&] { run_train(options); }), HasSubstr("another data set: its 'train' data"));
    EXPECT_THAT(message_of([&] { run_tune(options); }), HasSubstr("another data set"));
    EXPECT_EQ(read_file(options.work / "tokenizer.model"), tokenizer);
    write_file(text, before);
    EXPECT_TRUE(run_train(options));
}

TEST(Commands, RefuseToGoOnFromAStageOfAnotherConfiguration) {
    const ScratchFolder folder("other-parent");
    nlohmann::ordered_json config = small_config();
    ASSERT_TRUE(run_train(options_for(folder, config)));
    config["train"]["learning_rate"] = 0.02;
    const TrainOptions options = options_for(folder, config);
    EXPECT_THAT(message_of([&] { run_tune(options); }),
                HasSubstr("schedule.learning_rate is 0.01 there and 0.02 here"));
    TrainOptions precise = options_for(folder, small_config());
    precise.trainer.precision = "bfloat16";
    EXPECT_THAT(message_of([&] { run_train(precise); }), HasSubstr("precision is \"float32\" there"));
    EXPECT_TRUE(run_tune(precise));  // a stage in another precision than the one before it
}

// A greatest size for files stands for a disk that is full.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : previous_signal_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &previous_);
        const rlimit limit{bytes, previous_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &previous_);
        static_cast<void>(std::signal(SIGXFSZ, previous_signal_));
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    FileSizeLimit(FileSizeLimit&&) = delete;
    FileSizeLimit& operator=(FileSizeLimit&&) = delete;

  private:
    void (*previous_signal_)(int);
    rlimit previous_{};
};

TEST(Commands, ADiskThatIsFullForTheTrainerIsAnIoErrorOfTheirs) {
    const ScratchFolder folder("full");
    const TrainOptions options = options_for(folder, small_config());
    ASSERT_TRUE(run_train(options));
    {
        const FileSizeLimit limit(std::size_t{64} << 10);  // enough for what is no checkpoint
        EXPECT_THAT(message_of<IoError>([&] { run_tune(options); }), HasSubstr("tune failed"));
    }
    EXPECT_TRUE(run_tune(options));
}

TEST(Commands, SaveAndGoOnAfterASignal) {
    const ScratchFolder folder("signal");
    nlohmann::ordered_json config = small_config();
    config["train"]["epochs"] = 1000;
    const TrainOptions options = options_for(folder, config);
    const auto comes_true = [](const std::function<bool()>& condition) {
        for (int i = 0; i < 3000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return condition();
    };
    bool complete = true;
    {
        const InterruptionGuard guard;
        const std::jthread sender([&] {
            // The trainer has its stage's folder locked: it takes signals.
            comes_true([&] { return std::filesystem::exists(options.work / "train/lock"); });
            EXPECT_THROW(FolderLock(options.work), IoError);
            kill(getpid(), SIGTERM);
            kill(getpid(), SIGTERM);
        });
        complete = run_train(options);
    }
    EXPECT_FALSE(complete);
    EXPECT_TRUE(std::filesystem::exists(options.work / "train/checkpoint"));
    const FolderLock free(options.work);
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
