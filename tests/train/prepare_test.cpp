#include "train/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "model/bundle.h"
#include "model/corpus.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "train/commands.h"
#include "train/prepared_text.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PrepareTest : public testing::Test {
  protected:
    void SetUp() override {
        root_ = fs::path(testing::TempDir()) /
                (std::string("prepare-") + testing::UnitTest::GetInstance()->current_test_info()->name());
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
    EXPECT_THROW(prepare(other, root_ / "data", root_ / "work", true), Error);
}

TEST_F(PrepareTest, SaysWhatToFetchWhenTheTextIsMissing) {
    try {
        prepare(config(), root_ / "data", root_ / "work", true);
        FAIL();
    } catch (const IoError& error) {
        EXPECT_THAT(error.what(), HasSubstr("wiki.train.tokens is missing"));
        EXPECT_THAT(error.what(), HasSubstr("WikiText"));
    }
}

TEST_F(PrepareTest, SaysThatTheTextIsTooShort) {
    write_text("train", 1);
    EXPECT_THROW(prepare(config(), root_ / "data", root_ / "work", true), Error);
    EXPECT_FALSE(fs::exists(root_ / "work/tokenizer.model"));
}

TEST_F(PrepareTest, DamagedTextsAreRefused) {
    const PreparedText text{.vocabulary = 10, .words = 3, .end_of_line = 1, .source_bytes = 9, .ids = {1, 2, 9}};
    const fs::path file = root_ / "text.ids";
    save_text(text, file);
    EXPECT_EQ(load_text(file).ids, text.ids);
    const std::string good = read_file(file);
    write_file(file, good.substr(0, good.size() - 4));
    EXPECT_THROW(load_text(file), FormatError);
    std::string large = good;
    large[large.size() - 4] = 10;  // the last token, no longer below the vocabulary
    write_file(file, large);
    EXPECT_THROW(load_text(file), FormatError);
    write_file(file, "something else entirely");
    EXPECT_THROW(load_text(file), FormatError);
}

TEST_F(PrepareTest, CommandsNeedTheTrainer) {
    TrainOptions options;
    options.work = root_ / "work";
    options.trainer = root_ / "no-such-program";
    EXPECT_THROW(run_train(options), Error);
}

}  // namespace
}  // namespace polyformer::train
