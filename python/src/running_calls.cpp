#include "running_calls.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "polyformer/support/error.h"

namespace nb = nanobind;

namespace polyformer::python {

namespace {

struct State {
    std::atomic<int> calls = 0;
    std::atomic<bool> ends = false;
    std::atomic<bool> forked_meanwhile = false;
};

State& state() {
    static State the_only_one;
    return the_only_one;
}

void note_fork() {
    if (state().calls.exchange(0) > 0) state().forked_meanwhile = true;
}

void wait_for_calls() {
    state().ends = true;
    while (state().calls > 0) {
        {
            const nb::gil_scoped_release released;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        if (PyErr_CheckSignals() != 0) nb::raise_python_error();
    }
}

}  // namespace

RunningCall::RunningCall() {
    require_usable_process();
    ++state().calls;
}

RunningCall::~RunningCall() {
    --state().calls;
}

void require_usable_process() {
    require(!state().forked_meanwhile,
            "this process was forked while another thread was computing, whose locks nobody opens here: fork before, "
            "or start processes with 'spawn'");
    if (interpreter_ends()) end_thread();
}

bool interpreter_ends() {
    return state().ends;
}

void end_thread() {
    PyErr_SetNone(PyExc_SystemExit);
    nb::raise_python_error();
}

void watch_interpreter() {
    pthread_atfork(nullptr, nullptr, note_fork);
    nb::module_::import_("atexit").attr("register")(nb::cpp_function(wait_for_calls));
}

}  // namespace polyformer::python
