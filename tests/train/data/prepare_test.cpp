#include "polyformer/train/data/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "polyformer/model/language/corpus.h"
#include "polyformer/model/language/tokenizer.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/data/prepared_text.h"
#include "polyformer/train/process/interruption.h"
#include "polyformer/train/run/commands.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PrepareTest : public testing::Test {
  protected:
    void SetUp() override {
        root_ = fs::path(testing::TempDir()) /
                fmt::format("prepare-{}-{}", testing::UnitTest::GetInstance()->current_test_info()->name(), getpid());
        fs::remove_all(root_);
        fs::create_directories(root_ / "data");
    }
    void TearDown() override { fs::remove_all(root_); }

    // Lines of WikiText's style: spaces between all words, blank lines, <unk> and @-@.
    void write_text(const std::string& split, int lines) const {
        std::ofstream text(root_ / "data" / ("wiki." + split + ".tokens"));
        for (int i = 0; i < lines; ++i) {
            text << " = Heading " << i << " = \n \n"
                 << " The " << i * 37 % 101 << " @-@ year old <unk> of town " << i % 17
                 << " saw the river , again . \n";
        }
    }

    static Config config() {
        Config config;
        config.model.vocabulary = 330;
        return config;
    }

    fs::path root_;
};

TEST_F(PrepareTest, MakesVocabularyTextsAndConfiguration) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    const model::Tokenizer tokenizer(root_ / "work/tokenizer.model");
    EXPECT_EQ(tokenizer.vocabulary(), 330U);
    const PreparedText valid = load_text(root_ / "work/valid.ids");
    EXPECT_EQ(valid.words, 10U * (4 + 1 + 1 + 15 + 1));  // three lines' words, and their ends
    EXPECT_EQ(tokenizer.piece(valid.end_of_line), "\n");
    EXPECT_EQ(std::count(valid.ids.begin(), valid.ids.end(), valid.end_of_line), 30);
    const auto unknown = tokenizer.encode("<unk>");
    EXPECT_EQ(tokenizer.piece(unknown.back()), "<unk>");
    // Nothing of the text is lost, whatever its characters.
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("old 戦場 town")), "old 戦場 town");
    EXPECT_EQ(to_json(load_config(root_ / "work/config.json")), to_json(config()));
}

TEST_F(PrepareTest, KeepsWhatIsThereAndNoticesAnotherText) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    const std::string tokenizer = read_file(root_ / "work/tokenizer.model");
    write_text("valid", 20);
    prepare(config(), root_ / "data", root_ / "work", true);
    EXPECT_EQ(read_file(root_ / "work/tokenizer.model"), tokenizer);
    EXPECT_EQ(load_text(root_ / "work/valid.ids").words, 20U * 22);
    Config other = config();
    other.model.vocabulary = 331;
    prepare(other, root_ / "data", root_ / "work", true);
    EXPECT_EQ(model::Tokenizer(root_ / "work/tokenizer.model").vocabulary(), 331U);
}

TEST_F(PrepareTest, NoticesAnEditOfTheSameLength) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    const auto prepared = [&](const std::string& split) { return read_file(root_ / "work" / (split + ".ids")); };
    const auto change = [&](const std::string& split, const std::string& from, const std::string& to) {
        const fs::path file = root_ / "data" / ("wiki." + split + ".tokens");
        std::string text = read_file(file);
        for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from)) {
            text.replace(at, from.size(), to);
        }
        write_file(file, text);
        prepare(config(), root_ / "data", root_ / "work", true);
    };
    const std::string valid = prepared("valid");
    change("valid", "river", "revir");
    EXPECT_NE(prepared("valid"), valid);
    const std::string tokenizer = read_file(root_ / "work/tokenizer.model");
    change("train", "river", "zqxjw");
    EXPECT_NE(read_file(root_ / "work/tokenizer.model"), tokenizer);
}

TEST_F(PrepareTest, KeepsAVocabularyThatAStageWasTrainedWith) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    const std::string tokenizer = read_file(root_ / "work/tokenizer.model");
    fs::create_directories(root_ / "work/train");
    write_file(root_ / "work/train/stage.json", "{}");
    prepare(config(), root_ / "data", root_ / "work", true);
    Config other = config();
    other.tokenizer.algorithm = "bpe";
    EXPECT_THROW(prepare(other, root_ / "data", root_ / "work", true), Error);
    EXPECT_EQ(read_file(root_ / "work/tokenizer.model"), tokenizer);
}

TEST_F(PrepareTest, LeavesATokenizerOfUnknownOriginAlone) {
    write_text("train", 300);
    write_text("valid", 10);
    fs::create_directories(root_ / "work");
    write_file(root_ / "work/tokenizer.model", "mine");
    EXPECT_THROW(prepare(config(), root_ / "data", root_ / "work", true), Error);
    EXPECT_EQ(read_file(root_ / "work/tokenizer.model"), "mine");
}

TEST_F(PrepareTest, LeavesNothingHalfWrittenWhenInterrupted) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    fs::remove(root_ / "work/train.ids");
    {
        const InterruptionGuard guard;
        static_cast<void>(std::raise(SIGTERM));
        EXPECT_THROW(prepare(config(), root_ / "data", root_ / "work", true), Interrupted);
    }
    for (const auto& entry : fs::directory_iterator(root_ / "work")) {
        EXPECT_EQ(entry.path().filename().string().find(".part"), std::string::npos) << entry.path();
        EXPECT_NE(entry.path().filename(), "train.ids");
    }
    prepare(config(), root_ / "data", root_ / "work", true);
    EXPECT_TRUE(fs::exists(root_ / "work/train.ids"));
}

TEST_F(PrepareTest, MakesTokensAnewForAnotherTokenizer) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    const std::string before = load_text(root_ / "work/valid.ids").tokenizer_digest;
    EXPECT_EQ(before.size(), 64U);
    // As many pieces, others among them.
    Config other = config();
    other.tokenizer.algorithm = "bpe";
    prepare(other, root_ / "data", root_ / "work", true);
    const PreparedText valid = load_text(root_ / "work/valid.ids");
    EXPECT_NE(valid.tokenizer_digest, before);
    const model::Tokenizer tokenizer(root_ / "work/tokenizer.model");
    const model::TokenizedText text = model::tokenize_file(root_ / "data/wiki.valid.tokens", tokenizer);
    EXPECT_THAT(valid.ids, testing::ElementsAreArray(text.ids));
}

TEST_F(PrepareTest, LeavesWhatIsCurrentAloneAndReplacesWhatIsDamaged) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    const auto written = fs::last_write_time(root_ / "work/train.ids");
    const std::string good = read_file(root_ / "work/valid.ids");
    write_file(root_ / "work/valid.ids", "PFTEXT01 of an older version");
    prepare(config(), root_ / "data", root_ / "work", true);
    EXPECT_EQ(fs::last_write_time(root_ / "work/train.ids"), written);
    EXPECT_EQ(read_file(root_ / "work/valid.ids"), good);
}

TEST_F(PrepareTest, TakesTheTestTextWhenThereIsOne) {
    write_text("train", 300);
    write_text("valid", 10);
    prepare(config(), root_ / "data", root_ / "work", true);
    EXPECT_FALSE(fs::exists(root_ / "work/test.ids"));
    write_text("test", 30);
    prepare(config(), root_ / "data", root_ / "work", true);
    EXPECT_EQ(load_text(root_ / "work/test.ids").words, 30U * 22);
}

TEST_F(PrepareTest, WorksFromRawText) {
    write_text("train", 300);
    write_text("valid", 10);
    fs::rename(root_ / "data/wiki.train.tokens", root_ / "data/wiki.train.raw");
    fs::rename(root_ / "data/wiki.valid.tokens", root_ / "data/valid.txt");
    prepare(config(), root_ / "data", root_ / "work", true);
    EXPECT_EQ(load_text(root_ / "work/valid.ids").words, 10U * 22);
}

TEST_F(PrepareTest, SaysWhatToFetchWhenTheTextIsMissing) {
    try {
        prepare(config(), root_ / "data", root_ / "work", true);
        FAIL();
    } catch (const IoError& error) {
        EXPECT_THAT(error.what(), HasSubstr("wiki.train.tokens"));
        EXPECT_THAT(error.what(), HasSubstr("polyformer data"));
    }
}

TEST_F(PrepareTest, SaysThatTheTextIsTooShort) {
    write_text("train", 1);
    EXPECT_THROW(prepare(config(), root_ / "data", root_ / "work", true), Error);
    EXPECT_FALSE(fs::exists(root_ / "work/tokenizer.model"));
}

TEST_F(PrepareTest, CommandsNeedTheTrainer) {
    TrainOptions options;
    options.work = root_ / "work";
    options.trainer.program = root_ / "no-such-program";
    EXPECT_THROW(run_train(options), Error);
}

}  // namespace
}  // namespace polyformer::train
