// With shell scripts in the place of polyformer-train.
#include "polyformer/train/process/trainer_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/process/interruption.h"
#include "tests/support/message_of.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

bool comes_true(const std::function<bool()>& condition) {
    for (int tries = 0; tries < 1000 && !condition(); ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return condition();
}

class TrainerProcessTest : public testing::Test {
  protected:
    TrainerOptions trainer(const std::string& script) const {
        const fs::path program = folder_.path() / "trainer";
        write_file(program, "#!/bin/sh\n" + script + "\n");
        fs::permissions(program, fs::perms::owner_all);
        TrainerOptions options;
        options.program = program;
        return options;
    }
    // Goes on until it is asked to end, saves, and ends.
    TrainerOptions patient_trainer() const {
        return trainer("trap 'touch $1/saved; exit 5' TERM; touch $1/started; while :; do sleep 0.02; done");
    }
    bool exists(const char* name) const { return fs::exists(folder_.path() / name); }

    ScratchFolder folder_{"trainer"};
};

TEST_F(TrainerProcessTest, ExitCodesAreErrors) {
    const fs::path& folder = folder_.path();
    EXPECT_EQ(run_trainer(trainer("exit 0"), folder), TrainerOutcome::complete);
    EXPECT_EQ(run_trainer(trainer("exit 5"), folder), TrainerOutcome::interrupted);
    EXPECT_THAT(message_of([&] { run_trainer(trainer("exit 6"), folder); }), HasSubstr("diverged"));
    EXPECT_THROW(run_trainer(trainer("exit 3"), folder), IoError);  // a full disk, for one
    EXPECT_THROW(run_trainer(trainer("exit 4"), folder), FormatError);
    EXPECT_THROW(run_trainer(trainer("exit 1"), folder), std::runtime_error);
    try {
        run_trainer(trainer("kill -9 $$"), folder);
        ADD_FAILURE() << "nobody noticed";
    } catch (const Error& error) {
        ADD_FAILURE() << "the caller is not to blame: " << error.what();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("signal 9 (KILL), perhaps because no memory was left"));
    }
    EXPECT_THROW(run_trainer(trainer("exit 2"), folder), Error);
}

TEST_F(TrainerProcessTest, IsGivenAllCoresOrItsShareOfThem) {
    TrainerOptions options;
    options.threads = 3;
    EXPECT_EQ(threads_of(options, 2), 3U);
    options.threads = 0;
    EXPECT_EQ(threads_of(options), std::max(1U, std::thread::hardware_concurrency()));
    EXPECT_EQ(threads_of(options, 100000), 1U);
}

TEST_F(TrainerProcessTest, ASignalReachesTheTrainer) {
    for (const int signal : interrupting_signals) {
        fs::remove(folder_.path() / "started");
        fs::remove(folder_.path() / "saved");
        const InterruptionGuard guard;
        const std::jthread sender([&] {
            comes_true([&] { return exists("started"); });
            kill(getpid(), signal);
        });
        EXPECT_EQ(run_trainer(patient_trainer(), folder_.path()), TrainerOutcome::interrupted);
        EXPECT_TRUE(exists("saved"));
    }
}

TEST_F(TrainerProcessTest, ATrainerEndsWithTheProcessThatStartedIt) {
    const TrainerOptions options = patient_trainer();
    const pid_t run = fork();
    if (run == 0) {
        const TrainerProcess process(options, folder_.path());
        for (;;) pause();
    }
    ASSERT_TRUE(comes_true([&] { return exists("started"); }));
    kill(run, SIGKILL);
    waitpid(run, nullptr, 0);
    EXPECT_TRUE(comes_true([&] { return exists("saved"); }));
}

TEST_F(TrainerProcessTest, ItsDestructorHasItSaveAndEnd) {
    {
        const TrainerProcess process(patient_trainer(), folder_.path());
        ASSERT_TRUE(comes_true([&] { return exists("started"); }));
    }
    EXPECT_TRUE(exists("saved"));
}

TEST_F(TrainerProcessTest, MessagesGoWhereTheyShall) {
    const fs::path log = folder_.path() / "messages.txt";
    TrainerProcess process(trainer("echo trouble >&2; exit 1"), folder_.path(), log);
    ASSERT_TRUE(comes_true([&] { return process.poll().has_value(); }));
    EXPECT_EQ(read_file(log), "trouble\n");
}

TEST_F(TrainerProcessTest, SaysWhyItCannotStart) {
    TrainerOptions options = trainer("exit 0");
    fs::permissions(options.program, fs::perms::owner_read);
    EXPECT_THAT(message_of([&] { TrainerProcess(options, folder_.path()); }), HasSubstr("cannot be started"));
    options.program = folder_.path() / "no-such-program";
    EXPECT_THAT(message_of([&] { TrainerProcess(options, folder_.path()); }), HasSubstr("is missing"));
}

}  // namespace
}  // namespace polyformer::train
