// What the extension modules have in common: how they begin, and Polyformer's exceptions as those of Python.
#pragma once

#include <nanobind/nanobind.h>

namespace polyformer::python {

/// The beginning of every module: its functions raise polyformer.Error, FormatError and IoError with the same texts,
/// and KeyboardInterrupt for what was cancelled; `set_thread_count` is one of them.
void begin_module(nanobind::module_& module);

/// The class polyformer.NAME as what is being raised.
void raise_as(const char* name, const char* text);

}  // namespace polyformer::python
