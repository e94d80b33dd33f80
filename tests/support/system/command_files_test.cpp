// Outputs of a command that cannot be, or that would destroy one another or an input.
#include "polyformer/support/system/command_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "polyformer/support/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace polyformer {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class CommandFilesTest : public testing::Test {
  protected:
    void SetUp() override {
        write_file(path("input"), "text");
        fs::create_directories(path("folder"));
        fs::create_symlink("input", path("soft"));
        fs::create_hard_link(path("input"), path("hard"));
        fs::create_symlink("folder", path("way"));
    }
    fs::path path(const std::string& name) const { return folder_ / name; }

    std::string refusal_of_two(const std::string& one, const std::string& other) const {
        return message_of([&] { CommandFiles().writes("--one", path(one)).writes("--other", path(other)).check(); });
    }

    TemporaryFolder folder_;
};

TEST_F(CommandFilesTest, AnOutputIsNoInputByWhateverName) {
    for (const char* name : {"input", "soft", "hard", "folder/../input", "./input"}) {
        EXPECT_THAT(
            message_of([&] { CommandFiles().reads("--text", path("input")).writes("--json", path(name)).check(); }),
            AllOf(HasSubstr("--text"), HasSubstr("--json"), HasSubstr("same file")))
            << name;
    }
    EXPECT_EQ(read_file(path("input")), "text");
    CommandFiles().reads("--text", path("input")).writes("--json", path("output")).check();
    EXPECT_FALSE(fs::exists(path("output")));
}

TEST_F(CommandFilesTest, NorAFileThatAnInputFolderConsistsOf) {
    write_file(path("folder/graph.json"), "{}");
    write_file(path("folder/weights.safetensors"), "");
    write_file(path("folder/eval.json"), "{}");
    const auto refusal = [&](const char* name) {
        return message_of([&] { CommandFiles().reads("model", path("way")).writes("--json", path(name)).check(); });
    };
    EXPECT_THAT(refusal("folder/graph.json"), HasSubstr("same file"));
    EXPECT_THAT(refusal("folder/weights.safetensors"), HasSubstr("same file"));
    EXPECT_EQ(refusal("folder/eval.json"), "no error");  // a report of an earlier call
}

TEST_F(CommandFilesTest, TwoOutputsAreTwoFiles) {
    EXPECT_THAT(refusal_of_two("a", "a"), HasSubstr("same file"));
    EXPECT_THAT(refusal_of_two("a", "folder/../a"), HasSubstr("same file"));
    EXPECT_THAT(refusal_of_two("folder/a", "way/a"), HasSubstr("same file"));
    EXPECT_THAT(refusal_of_two("soft", "hard"), HasSubstr("same file"));
    EXPECT_EQ(refusal_of_two("a", "folder/a"), "no error");
    EXPECT_EQ(message_of([] { CommandFiles().writes("--a", "/dev/null").writes("--b", "/dev/null").check(); }),
              "no error");
}

TEST_F(CommandFilesTest, WhatCannotBeWrittenIsFoundBeforehand) {
    const auto refusal = [&](const char* name) {
        return message_of<IoError>([&] { CommandFiles().writes("--json", path(name)).check(); });
    };
    EXPECT_THAT(refusal("nowhere/a"), HasSubstr("nowhere/a"));
    EXPECT_THAT(refusal("folder"), HasSubstr("directory"));
    EXPECT_THAT(message_of<IoError>([&] { CommandFiles().writes_folder("--out", path("input")).check(); }),
                HasSubstr("is a file"));
    EXPECT_THAT(message_of<IoError>([&] { CommandFiles().writes_folder("--out", path("input/below/it")).check(); }),
                HasSubstr("is a file"));
    CommandFiles().writes_folder("--out", path("new/below")).check();
    EXPECT_FALSE(fs::exists(path("new")));
}

}  // namespace
}  // namespace polyformer
