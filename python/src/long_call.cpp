#include "long_call.h"

#include <nanobind/stl/string.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "polyformer/support/system/cancellation.h"
#include "polyformer/support/system/progress.h"
#include "running_calls.h"

namespace nb = nanobind;

namespace polyformer::python {

namespace {

constexpr std::chrono::milliseconds kLook{50};

/// What the working thread says, and the other one asks.
class Report {
  public:
    struct State {
        std::string title;
        double share = 0;
        std::string note;
    };

    void say(const std::string& title, double share, const std::string& note) {
        const std::lock_guard lock(mutex_);
        state_ = State{title, share, note};
    }

    void finish() {
        const std::lock_guard lock(mutex_);
        done_ = true;
        changed_.notify_all();
    }

    /// Whether the work is done, at the latest after kLook.
    bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kLook, [&] { return done_; });
    }

    /// What was said since the last call.
    std::optional<State> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(state_, std::nullopt);
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<State> state_;
    bool done_ = false;
};

void pass_on(nb::handle progress, Report& report) {
    const std::optional<Report::State> state = report.take();
    if (state && !progress.is_none()) progress(state->title, state->share, state->note);
}

}  // namespace

void run_long(nb::handle progress, const std::function<void()>& work) {
    const RunningCall running;
    Cancellable cancellable;
    Report report;
    std::exception_ptr failure;
    std::thread worker([&] {
        try {
            const ObservedProgress observed([&](const std::string& title, double share, const std::string& note) {
                report.say(title, share, note);
            });
            cancellable.run(work);
        } catch (...) {
            failure = std::current_exception();
        }
        report.finish();
    });
    std::exception_ptr raised;  // by Python, which wants the work to stop
    {
        const nb::gil_scoped_release released;
        while (!report.wait()) {
            if (interpreter_ends()) cancellable.cancel();
            const nb::gil_scoped_acquire acquired;
            if (raised) continue;
            try {
                if (PyErr_CheckSignals() != 0) nb::raise_python_error();
                pass_on(progress, report);
            } catch (...) {
                raised = std::current_exception();
                cancellable.cancel();
            }
        }
        worker.join();
    }
    if (raised) std::rethrow_exception(raised);
    if (interpreter_ends()) end_thread();
    if (failure) std::rethrow_exception(failure);
    pass_on(progress, report);
}

}  // namespace polyformer::python
