#include "polyformer/train/process/folder_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/support/message_of.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(FolderLock, RefusesASecondRunAndNamesTheFirst) {
    const ScratchFolder folder("lock");
    {
        const FolderLock lock(folder.path() / "work");
        EXPECT_THROW(FolderLock(folder.path() / "work"), IoError);
        EXPECT_THAT(
            message_of([&] { FolderLock(folder.path() / "work"); }),
            AllOf(HasSubstr((folder.path() / "work").string()), HasSubstr("process " + std::to_string(getpid()))));
        std::filesystem::create_directory_symlink("work", folder.path() / "link");
        EXPECT_THROW(FolderLock(folder.path() / "link"), IoError);
        const FolderLock other(folder.path() / "other");
    }
    const FolderLock again(folder.path() / "work");
}

TEST(FolderLock, NeedsAFolder) {
    const ScratchFolder folder("no-folder");
    write_file(folder.path() / "file", "");
    EXPECT_THROW(FolderLock(folder.path() / "file"), IoError);
}

// A process that locks the folder, starts another and dies; the other one inherits the lock and writes `saved` last.
TEST(FolderLock, WaitsForWhatAKilledRunHasStarted) {
    const ScratchFolder folder("killed");
    const pid_t run = fork();
    if (run == 0) {
        const FolderLock lock(folder.path());
        if (fork() == 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
            write_file(folder.path() / "saved", "");
        }
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(run, &status, 0), run);
    ASSERT_EQ(status, 0);
    const FolderLock lock(folder.path());
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "saved"));
}

}  // namespace
}  // namespace polyformer::train
