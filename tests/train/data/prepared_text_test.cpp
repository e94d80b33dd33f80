#include "polyformer/train/data/prepared_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

class PreparedTextTest : public testing::Test {
  protected:
    void SetUp() override {
        file_ = fs::path(testing::TempDir()) /
                fmt::format("text-{}-{}", testing::UnitTest::GetInstance()->current_test_info()->name(), getpid());
    }
    void TearDown() override { fs::remove(file_); }

    /// Ten words, three tokens.
    static PreparedText small() {
        static const std::vector<std::int32_t> ids = {1, 2, 9};
        PreparedText text;
        text.vocabulary = 10;
        text.words = 3;
        text.end_of_line = 1;
        text.source_digest = std::string(64, 'e');
        text.ids = ids;
        return text;
    }

    fs::path file_;
};

TEST_F(PreparedTextTest, SurvivesItsFile) {
    PreparedText text = small();
    text.tokenizer_digest = std::string(64, 'd');
    save_text(text, file_);
    const PreparedText loaded = load_text(file_);
    fs::remove(file_);  // what is mapped stays
    EXPECT_EQ(loaded.vocabulary, 10U);
    EXPECT_EQ(loaded.words, 3U);
    EXPECT_EQ(loaded.end_of_line, 1);
    EXPECT_EQ(loaded.source_digest, text.source_digest);
    EXPECT_EQ(loaded.tokenizer_digest, text.tokenizer_digest);
    EXPECT_THAT(loaded.ids, ElementsAre(1, 2, 9));
}

TEST_F(PreparedTextTest, CopiesOutliveTheOriginal) {
    save_text(small(), file_);
    PreparedText copy;
    {
        const PreparedText loaded = load_text(file_);
        copy = loaded;
    }
    EXPECT_THAT(copy.ids, ElementsAre(1, 2, 9));
    EXPECT_THAT(copy.tokenizer_digest, IsEmpty());
}

TEST_F(PreparedTextTest, IsWrittenBitByBit) {
    std::vector<std::int32_t> ids(1000000);
    std::iota(ids.begin(), ids.end(), 0);
    PreparedText about = small();
    about.vocabulary = ids.size();
    {
        PreparedTextWriter writer(about, file_);
        for (std::size_t begin = 0; begin < ids.size(); begin += 10000) {
            writer.write(std::span(ids).subspan(begin, 10000));
        }
        EXPECT_FALSE(fs::exists(file_));
        writer.commit(4321);
    }
    const PreparedText loaded = load_text(file_);
    EXPECT_EQ(loaded.words, 4321U);
    EXPECT_THAT(loaded.ids, ElementsAreArray(ids));
}

TEST_F(PreparedTextTest, NothingAppearsWithoutCommit) {
    { PreparedTextWriter(small(), file_).write(small().ids); }
    EXPECT_FALSE(fs::exists(file_));
    PreparedText text = small();
    text.tokenizer_digest = "abc";
    EXPECT_THROW(save_text(text, file_), Error);
    EXPECT_FALSE(fs::exists(file_));
}

TEST_F(PreparedTextTest, DamagedFilesAreRefused) {
    save_text(small(), file_);
    const std::string good = read_file(file_);
    for (std::size_t length = 0; length < good.size(); ++length) {
        write_file(file_, good.substr(0, length));
        EXPECT_THROW(load_text(file_), FormatError) << length;
    }
    write_file(file_, good + std::string(4, '\0'));
    EXPECT_THROW(load_text(file_), FormatError);
    write_file(file_,
               "something else entirely, and longer than a header and a trailer have to be, much longer in "
               "fact: a text of a hundred and twenty bytes or more");
    EXPECT_THROW(load_text(file_), FormatError);
    EXPECT_THROW(load_text(file_.parent_path() / "missing"), IoError);
}

TEST_F(PreparedTextTest, IdsOutsideTheVocabularyAreRefusedByPlaceAndValue) {
    save_text(small(), file_);
    const std::string good = read_file(file_);
    const std::size_t last = good.size() - 16 - 4;  // the last token, before the trailer
    for (const auto& [value, words] : {std::pair(std::string("\x0a\0\0\0", 4), "token 2 is 10"),
                                       std::pair(std::string("\xff\xff\xff\xff"), "token 2 is -1")}) {
        std::string bad = good;
        bad.replace(last, 4, value);
        write_file(file_, bad);
        EXPECT_THAT([&] { load_text(file_); },
                    ThrowsMessage<FormatError>(AllOf(HasSubstr(file_.string()), HasSubstr(words))));
    }
    PreparedText text = small();
    text.end_of_line = 10;
    save_text(text, file_);
    EXPECT_THROW(load_text(file_), FormatError);
}

}  // namespace
}  // namespace polyformer::train
