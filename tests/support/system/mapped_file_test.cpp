#include "polyformer/support/system/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public testing::Test {
  protected:
    void SetUp() override {
        path_ = fs::path(testing::TempDir()) /
                fmt::format("mapped-{}-{}", testing::UnitTest::GetInstance()->current_test_info()->name(), getpid());
        fs::remove(path_);
    }
    void TearDown() override { fs::remove(path_); }

    fs::path path_;
};

std::string text_of(const MappedFile& file) {
    std::string text(file.bytes().size(), '\0');
    std::transform(file.bytes().begin(), file.bytes().end(), text.begin(),
                   [](std::byte byte) { return static_cast<char>(byte); });
    return text;
}

TEST_F(MappedFileTest, HoldsWhatTheFileHeld) {
    const std::string text(10000, 'x');
    write_file(path_, text);
    const MappedFile file(path_);
    EXPECT_EQ(text_of(file), text);
    write_file(path_, "a newer version");  // another file under the same name
    EXPECT_EQ(text_of(file), text);
    EXPECT_EQ(text_of(MappedFile(path_)), "a newer version");
}

TEST_F(MappedFileTest, AnEmptyFileIsEmpty) {
    write_file(path_, "");
    EXPECT_TRUE(MappedFile(path_).bytes().empty());
}

TEST_F(MappedFileTest, RefusesWhatIsNoFile) {
    EXPECT_THROW(MappedFile{path_}, IoError);
    EXPECT_THROW(MappedFile{testing::TempDir()}, IoError);
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    EXPECT_THROW(MappedFile{path_}, IoError);  // and does not wait for a writer
}

}  // namespace
}  // namespace polyformer
