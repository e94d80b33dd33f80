#include "polyformer/support/folders/folder_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/support/message_of.h"

namespace polyformer {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Folders : public testing::Test {
  protected:
    Folders() { fs::create_directories(root_); }
    ~Folders() override {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }

    static std::vector<std::string> names_in(const fs::path& folder) {
        std::vector<std::string> names;
        for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
            names.push_back(entry.path().filename().string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    /// A model of two files.
    void write_model(const std::string& contents) const {
        FolderWriter folder(model_);
        write_file(folder.path() / "graph.json", contents);
        write_file(folder.path() / "tokenizer.model", "pieces");
        folder.commit();
    }

    static inline int count_ = 0;
    fs::path root_ = fs::temp_directory_path() / fmt::format("folders-{}-{}", ::getpid(), count_++);
    fs::path model_ = root_ / "deep" / "model";
};

TEST_F(Folders, AppearWholeAndReplaceWhatStoodThere) {
    write_model("one");
    EXPECT_THAT(names_in(model_), ElementsAre("graph.json", "manifest.json", "tokenizer.model"));
    fs::permissions(model_, fs::perms::owner_all);
    {
        FolderWriter folder(model_.string() + "/");
        write_file(folder.path() / "image.json", "two");
        EXPECT_EQ(read_file(model_ / "graph.json"), "one");
        folder.commit();
    }
    EXPECT_THAT(names_in(model_), ElementsAre("image.json", "manifest.json"));  // nothing stale
    EXPECT_EQ(fs::status(model_).permissions(), fs::perms::owner_all);
    EXPECT_THAT(names_in(model_.parent_path()), ElementsAre("model"));
}

TEST_F(Folders, StayAsTheyWereWithoutCommit) {
    write_model("one");
    {
        const FolderWriter folder(model_);
        write_file(folder.path() / "graph.json", "two");
    }
    EXPECT_EQ(read_file(model_ / "graph.json"), "one");
    EXPECT_THAT(names_in(model_.parent_path()), ElementsAre("model"));
    { const FolderWriter folder(root_ / "new"); }
    EXPECT_FALSE(fs::exists(root_ / "new"));
}

TEST_F(Folders, NothingThatIsNotOursIsLost) {
    write_model("one");
    write_file(model_ / "secret.key", "the only one");
    EXPECT_THAT(message_of([&] { FolderWriter folder(model_); }),
                AllOf(HasSubstr("secret.key"), HasSubstr("would be lost"), HasSubstr("another folder")));
    fs::remove(model_ / "secret.key");
    {
        FolderWriter folder(model_);
        write_file(folder.path() / "graph.json", "two");
        write_file(model_ / "notes.txt", "meanwhile");
        EXPECT_THAT(message_of([&] { folder.commit(); }), HasSubstr("notes.txt"));
    }
    EXPECT_EQ(read_file(model_ / "graph.json"), "one");
    EXPECT_EQ(read_file(model_ / "notes.txt"), "meanwhile");
    write_file(root_ / "file", "");
    EXPECT_THAT(message_of<IoError>([&] { FolderWriter folder(root_ / "file"); }), HasSubstr("is no folder"));
    EXPECT_THAT(message_of<IoError>([&] { FolderWriter folder(root_ / "file" / "model"); }), HasSubstr("file"));
}

TEST_F(Folders, AreWrittenThroughLinks) {
    write_model("one");
    fs::create_symlink(model_, root_ / "link");
    FolderWriter folder(root_ / "link");
    write_file(folder.path() / "graph.json", "two");
    folder.commit();
    EXPECT_TRUE(fs::is_symlink(root_ / "link"));
    EXPECT_EQ(read_file(model_ / "graph.json"), "two");
}

TEST_F(Folders, TheWorkingDirectoryStaysTheSame) {
    write_model("one");
    const fs::path before = fs::current_path();
    fs::current_path(model_);
    {
        FolderWriter folder(".");
        write_file(folder.path() / "graph.json", "two");
        folder.commit();
    }
    EXPECT_EQ(read_file("graph.json"), "two");  // from where we stand, not by its name
    EXPECT_THAT(names_in("."), ElementsAre("graph.json", "manifest.json"));
    require_own_file(fs::absolute("graph.json"));
    fs::current_path(before);
}

TEST_F(Folders, WhatKilledProcessesLeftIsRemoved) {
    write_model("one");
    fs::create_directories(root_ / "deep/model.part-4194303");  // no process has this number: it is the greatest
    write_file(root_ / "deep/model.part-4194303/graph.json", "half");
    fs::create_directories(root_ / "deep/model.part-mine");
    write_model("two");
    EXPECT_THAT(names_in(root_ / "deep"), ElementsAre("model", "model.part-mine"));
}

TEST_F(Folders, ASignalLeavesNothingBehind) {
    write_model("one");
    const FolderWriter folder(model_);
    write_file(folder.path() / "graph.json", "half");
    remove_temporary_files();  // what the handler does
    EXPECT_THAT(names_in(root_ / "deep"), ElementsAre("model"));
    EXPECT_EQ(read_file(model_ / "graph.json"), "one");
}

TEST_F(Folders, FilesAreTheirFoldersOwn) {
    write_model("one");
    require_own_file(model_ / "graph.json");
    require_own_file(model_ / "missing");
    EXPECT_TRUE(is_listed(model_, "tokenizer.model"));
    EXPECT_FALSE(is_listed(model_, "image.json"));
    EXPECT_FALSE(is_listed(root_, "graph.json"));

    write_file(model_ / "graph.json", "two");  // as a copy from another folder would
    EXPECT_THAT(message_of<FormatError>([&] { require_own_file(model_ / "graph.json"); }),
                AllOf(HasSubstr("graph.json"), HasSubstr("another model or plan"), HasSubstr("delete the manifest")));
    write_file(model_ / "image.json", "{}");
    EXPECT_THAT(message_of<FormatError>([&] { require_own_file(model_ / "image.json"); }),
                HasSubstr("does not belong to its folder"));
    require_own_file(model_ / "image.json", Unlisted::allowed);
    fs::remove(model_ / "manifest.json");
    require_own_file(model_ / "graph.json");
    require_own_file(model_ / "image.json");
}

TEST_F(Folders, DamagedManifestsAreRefused) {
    write_model("one");
    for (const char* manifest : {"", "{", "[]", R"({"format": "other"})",
                                 R"({"format": "polyformer-manifest", "version": 2, "blake2b_256": {}})",
                                 R"({"format": "polyformer-manifest", "version": 1, "blake2b_256": []})",
                                 R"({"format": "polyformer-manifest", "version": 1, "blake2b_256": {"graph.json": 1}})",
                                 R"({"format": "polyformer-manifest", "version": 1, "blake2b_256": {}, "more": 1})"}) {
        write_file(model_ / "manifest.json", manifest);
        EXPECT_THAT(message_of<FormatError>([&] { require_own_file(model_ / "graph.json"); }),
                    HasSubstr("manifest.json"))
            << manifest;
    }
}

}  // namespace
}  // namespace polyformer
