#include "polyformer/train/process/interruption.h"

#include <gtest/gtest.h>

#include <csignal>

#include "polyformer/train/process/trainer_exit_codes.h"

namespace polyformer::train {
namespace {

TEST(Interruption, SignalsAreNotedWhileAGuardExists) {
    for (const int signal : interrupting_signals) {
        const InterruptionGuard guard;
        EXPECT_FALSE(interruption_requested());
        check_interruption();
        {
            const InterruptionGuard inner;
            static_cast<void>(std::raise(signal));
        }
        EXPECT_TRUE(interruption_requested());
        EXPECT_THROW(check_interruption(), Interrupted);
        static_cast<void>(std::raise(signal));  // a second one does not end the process either
    }
}

TEST(Interruption, WhatWasIgnoredStaysSo) {
    const auto previous = std::signal(SIGHUP, SIG_IGN);
    {
        const InterruptionGuard guard;
        static_cast<void>(std::raise(SIGHUP));
        EXPECT_FALSE(interruption_requested());
    }
    EXPECT_EQ(std::signal(SIGHUP, previous), SIG_IGN);
}

TEST(InterruptionDeathTest, EndsAtOnceWhereNothingCanBeAskedToEnd) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    const auto at_once = [] {
        const InterruptionGuard guard;
        const EndAtOnce end;
        static_cast<void>(std::raise(SIGTERM));
    };
    EXPECT_EXIT(at_once(), testing::ExitedWithCode(trainer_interrupted), "the same command goes on");
    const InterruptionGuard guard;
    static_cast<void>(std::raise(SIGTERM));
    EXPECT_THROW(EndAtOnce(), Interrupted);
}

}  // namespace
}  // namespace polyformer::train
