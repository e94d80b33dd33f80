#include "polyformer/support/system/cancellation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer {
namespace {

/// Loops within loops that end by nothing but cancellation.
void endless(std::atomic<bool>& begun) {
    while (true) {
        parallel_for(4, [&](std::size_t) { parallel_for(4, [&](std::size_t) { begun = true; }); });
    }
}

void stop_endless_loops() {
    Cancellable work;
    std::atomic<bool> begun = false;
    std::thread worker([&] { EXPECT_THROW(work.run([&] { endless(begun); }), Cancelled); });
    while (!begun) std::this_thread::yield();
    work.cancel();
    worker.join();
}

TEST(Cancellation, StopsEndlessLoops) {
    stop_endless_loops();
}

TEST(Cancellation, StopsLoopsOnOneThread) {
    const std::size_t threads = thread_count();
    set_thread_count(1);
    stop_endless_loops();
    set_thread_count(threads);
}

TEST(Cancellation, StopsSequentialWorkThatAsks) {
    Cancellable work;
    std::thread worker([&] {
        EXPECT_THROW(work.run([] {
            while (true) throw_if_cancelled();
        }),
                     Cancelled);
    });
    work.cancel();
    worker.join();
}

TEST(Cancellation, IsNoErrorToBeOvercome) {
    Cancellable work;
    work.cancel();
    bool went_on = false;
    EXPECT_THROW(work.run([&] {
        try {
            parallel_for(2, [](std::size_t) {});
        } catch (const Error&) {
        }
        went_on = true;
    }),
                 Cancelled);
    EXPECT_FALSE(went_on);
}

TEST(Cancellation, LeavesOtherWorkAlone) {
    Cancellable cancelled;
    Cancellable other;
    std::atomic<bool> begun = false;
    std::promise<void> go_on;
    std::atomic<int> done = 0;
    std::thread worker([&] {
        other.run([&] {
            go_on.get_future().wait();
            parallel_for(100, [&](std::size_t) { ++done; });
        });
    });
    std::thread stopped([&] { EXPECT_THROW(cancelled.run([&] { endless(begun); }), Cancelled); });
    while (!begun) std::this_thread::yield();
    cancelled.cancel();
    stopped.join();
    go_on.set_value();
    worker.join();
    EXPECT_EQ(done, 100);
    parallel_for(2, [&](std::size_t) { ++done; });
    EXPECT_EQ(done, 102) << "and work outside any";
}

TEST(Cancellation, PassesOnWhatTheWorkThrows) {
    Cancellable work;
    EXPECT_THROW(work.run([] { parallel_for(4, [](std::size_t i) { require(i != 2, "two"); }); }), Error);
    Cancellable quiet;
    int result = 0;
    quiet.run([&] { result = 7; });
    EXPECT_EQ(result, 7);
}

}  // namespace
}  // namespace polyformer
