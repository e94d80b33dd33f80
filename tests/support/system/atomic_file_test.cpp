// What a file to write may replace, what stays of it, and what is left when the writer does not finish.
#include "polyformer/support/system/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <string>

#include "polyformer/support/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

namespace polyformer {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class AtomicFileTest : public testing::Test {
  protected:
    fs::path path(const std::string& name) const { return folder_ / name; }

    mode_t mode_of(const std::string& name) const {
        struct stat status {};
        EXPECT_EQ(::stat(path(name).c_str(), &status), 0);
        return status.st_mode & 0777;
    }

    TemporaryFolder folder_;
};

void write(AtomicFile& file, std::string_view text) {
    file.write(std::as_bytes(std::span(text)));
}

TEST_F(AtomicFileTest, AppearsWholeOrNotAtAll) {
    {
        AtomicFile file(path("a"));
        write(file, "half");
    }
    EXPECT_TRUE(fs::is_empty(path("")));
    AtomicFile file(path("a"));
    write(file, "whole");
    EXPECT_FALSE(fs::exists(path("a")));
    file.commit();
    EXPECT_EQ(read_file(path("a")), "whole");
    EXPECT_THAT(folder_.names(), ElementsAre("a"));
}

TEST_F(AtomicFileTest, ALinkStaysAndItsTargetIsReplaced) {
    fs::create_directories(path("below"));
    write_file(path("below/target"), "old");
    fs::create_symlink("below/target", path("link"));
    fs::create_symlink("link", path("link-to-link"));
    write_file(path("link-to-link"), "new");
    EXPECT_TRUE(fs::is_symlink(path("link-to-link")));
    EXPECT_TRUE(fs::is_symlink(path("link")));
    EXPECT_FALSE(fs::is_symlink(path("below/target")));
    EXPECT_EQ(read_file(path("below/target")), "new");
}

TEST_F(AtomicFileTest, ALinkToNothingYetLeadsToTheNewFile) {
    fs::create_symlink("target", path("link"));
    write_file(path("link"), "new");
    EXPECT_TRUE(fs::is_symlink(path("link")));
    EXPECT_EQ(read_file(path("target")), "new");
}

TEST_F(AtomicFileTest, LinksInACircleAreRefused) {
    fs::create_symlink("b", path("a"));
    fs::create_symlink("a", path("b"));
    EXPECT_THAT(message_of<IoError>([&] { write_file(path("a"), ""); }), HasSubstr("circle"));
}

TEST_F(AtomicFileTest, PermissionsOfAnExistingFileStay) {
    for (const mode_t mode : {0600, 0664, 0640}) {
        write_file(path("a"), "old");
        ASSERT_EQ(::chmod(path("a").c_str(), mode), 0);
        write_file(path("a"), "new");
        EXPECT_EQ(mode_of("a"), mode);
    }
}

TEST_F(AtomicFileTest, WhatOnlyTheOwnerMayReadIsNeverWider) {
    write_file(path("new"), "secret", FileAccess::owner_only);
    EXPECT_EQ(mode_of("new"), 0600);
    write_file(path("old"), "public");
    EXPECT_NE(mode_of("old"), 0600);
    write_file(path("old"), "secret", FileAccess::owner_only);
    EXPECT_EQ(mode_of("old"), 0600);
}

TEST_F(AtomicFileTest, APipeIsWrittenToAndStays) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    auto reader = std::async(std::launch::async, [&] { return read_file(path("pipe")); });
    write_file(path("pipe"), "through the pipe");
    EXPECT_EQ(reader.get(), "through the pipe");
    EXPECT_TRUE(fs::is_fifo(path("pipe")));
    EXPECT_THAT(folder_.names(), ElementsAre("pipe"));
}

TEST_F(AtomicFileTest, APipeThatNobodyReadsIsRefusedAfterAWhile) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_THAT(message_of<IoError>([&] { write_file(path("pipe"), ""); }), HasSubstr("nobody reads it"));
}

TEST_F(AtomicFileTest, DevicesStay) {
    write_file("/dev/null", "gone");
    EXPECT_TRUE(fs::is_character_file("/dev/null"));
    fs::create_symlink("/dev/full", path("full"));
    EXPECT_THAT(message_of<IoError>([&] { write_file(path("full"), "too much"); }), HasSubstr("No space left"));
    EXPECT_TRUE(fs::is_symlink(path("full")));
}

TEST_F(AtomicFileTest, ADescriptorOfThisProcessIsAppendedTo) {
    const int descriptor = ::open(path("log").c_str(), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::write(descriptor, "before ", 7), 7);
    for (const char* folder : {"/dev/fd/", "/proc/self/fd/"}) {
        write_file(folder + std::to_string(descriptor), "after ");
    }
    ::close(descriptor);
    EXPECT_EQ(read_file(path("log")), "before after after ");
    EXPECT_THAT(message_of<IoError>([&] { write_file("/dev/fd/" + std::to_string(descriptor), ""); }),
                HasSubstr("started without it"));
}

TEST_F(AtomicFileTest, WhereNothingCanBeWrittenIsSaidAtOnce) {
    fs::create_directories(path("folder"));
    write_file(path("file"), "");
    const auto refusal = [&](const std::string& name) {
        return message_of<IoError>([&] { const AtomicFile file(name.empty() ? fs::path() : path(name)); });
    };
    EXPECT_THAT(refusal("folder"), HasSubstr("is a directory"));
    EXPECT_THAT(refusal("new/"), HasSubstr("names a directory"));
    EXPECT_THAT(refusal("nowhere/file"), HasSubstr("No such file or directory"));
    EXPECT_THAT(refusal("file/below"), HasSubstr("Not a directory"));
    EXPECT_THAT(refusal(""), HasSubstr("empty"));
    EXPECT_THAT(refusal(std::string(300, 'x')), HasSubstr("too long"));
}

TEST_F(AtomicFileTest, WriteProtectedFilesAreRefused) {
    if (::geteuid() == 0) GTEST_SKIP() << "nothing is protected from root";
    write_file(path("a"), "old");
    ASSERT_EQ(::chmod(path("a").c_str(), 0444), 0);
    EXPECT_THAT(message_of<IoError>([&] { const AtomicFile file(path("a")); }), HasSubstr("write-protected"));
}

TEST_F(AtomicFileTest, NamesOfAnyLengthAreWritten) {
    for (const std::string& name : {std::string(255, 'x'), std::string("-rf"), std::string("a b \xC3\xA4")}) {
        write_file(path(name), "text");
        EXPECT_EQ(read_file(path(name)), "text");
    }
}

TEST_F(AtomicFileTest, ASecretKeyGivesWayToAnotherOneAlone) {
    const std::string beginning = std::string("PLYFORM\n") + std::string(8, '\2') + "secret key";
    const std::string key = beginning + std::string(40, '\0');
    const std::string other = "PLYFORM\n" + std::string(8, '\2') + "secret keys" + std::string(40, '\0');
    write_file(path("key"), key, FileAccess::secret_key);
    fs::create_hard_link(path("key"), path("hard"));
    fs::create_symlink("key", path("soft"));
    for (const char* name : {"key", "hard", "soft"}) {
        for (const FileAccess access : {FileAccess::everyone, FileAccess::owner_only}) {
            EXPECT_THAT(message_of([&] { write_file(path(name), "text", access); }), HasSubstr("is a secret key"));
        }
    }
    EXPECT_EQ(read_file(path("key")), key);
    write_file(path("key"), other, FileAccess::secret_key);
    write_file(path("key"), "text");  // no secret key any more
}

/// Writes half of `path` in another process, which `end` then ends.
void end_while_writing(const fs::path& path, int signal) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        remove_temporary_files_on_signals();
        const AtomicFile file(path);
        static_cast<void>(::write(ready[1], "x", 1));
        for (;;) ::pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::kill(child, signal);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_F(AtomicFileTest, SignalsLeaveNothingBehindAndEndTheProcess) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        end_while_writing(path("a"), signal);
        EXPECT_TRUE(fs::is_empty(path(""))) << signal;
    }
}

TEST_F(AtomicFileTest, WhatAKilledProcessLeftGoesWithTheNextAttempt) {
    end_while_writing(path("a"), SIGKILL);
    ASSERT_EQ(folder_.names().size(), 1u);
    write_file(path("a.part-list"), "a name of somebody's own");
    const AtomicFile running(path("b"));
    const AtomicFile also_running(path("a"));  // removes the one, and neither the other nor what is not ours
    EXPECT_EQ(folder_.names().size(), 3u);
    { AtomicFile(path("a")).commit(); }
    EXPECT_EQ(folder_.names().size(), 4u);
}

TEST_F(AtomicFileTest, ReadsPipesToTheirEnd) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const std::string text(300000, 'x');
    auto reader = std::async(std::launch::async, [&] { return read_file(path("pipe"), text.size()); });
    write_file(path("pipe"), text);
    EXPECT_EQ(reader.get(), text);
}

TEST_F(AtomicFileTest, ReadsNoMoreThanWasAllowed) {
    write_file(path("a"), "12345");
    EXPECT_EQ(read_file(path("a"), 5), "12345");
    EXPECT_THROW(read_file(path("a"), 4), IoError);
    EXPECT_THAT(message_of<IoError>([&] { read_file(path("")); }), HasSubstr("is a directory"));
    EXPECT_THAT(message_of<IoError>([&] { read_file(path("b")); }), HasSubstr("no such file"));
}

}  // namespace
}  // namespace polyformer
