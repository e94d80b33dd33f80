// Calls that let the GIL go, counted, so that neither an interpreter that ends nor a fork pulls the ground from under
// them.
#pragma once

#include <nanobind/nanobind.h>

namespace polyformer::python {

/// One call, from before it lets the GIL go until it has it again.
class RunningCall {
  public:
    /// Throws Error in a process that was forked during a call of another thread, whose locks are held there for ever.
    /// Raises SystemExit when the interpreter ends.
    RunningCall();
    ~RunningCall();
    RunningCall(const RunningCall&) = delete;
    RunningCall& operator=(const RunningCall&) = delete;
    RunningCall(RunningCall&&) = delete;
    RunningCall& operator=(RunningCall&&) = delete;
};

/// For short calls: without the GIL as long as it lives.
class WithoutGil {
    RunningCall running_;  // to the end: the other one takes the GIL when it goes
    nanobind::gil_scoped_release released_;
};

/// Throws as RunningCall does.
void require_usable_process();

/// Whether the interpreter waits for the calls that run, to end.
bool interpreter_ends();

/// Ends the calling thread of Python, silently: raises SystemExit.
[[noreturn]] void end_thread();

/// From now on the interpreter ends only when no call of this module runs; those of daemon threads are cancelled. A
/// thread that asks for the GIL of an interpreter that has ended is ended itself, in the midst of C++: the process
/// would abort.
void watch_interpreter();

}  // namespace polyformer::python
