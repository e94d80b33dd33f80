#include "module.h"

#include <cstddef>
#include <cstring>
#include <exception>
#include <system_error>

#include "polyformer/support/error.h"
#include "polyformer/support/foreign_error.h"
#include "polyformer/support/system/cancellation.h"
#include "polyformer/support/system/parallel.h"
#include "running_calls.h"

namespace nb = nanobind;

namespace polyformer::python {

namespace {

void translate(const std::exception_ptr& raised, void* /*unused*/) {
    try {
        std::rethrow_exception(raised);
    } catch (const Cancelled&) {
        PyErr_SetNone(PyExc_KeyboardInterrupt);
    } catch (const FormatError& error) {
        raise_as("FormatError", error.what());
    } catch (const IoError& error) {
        raise_as("IoError", error.what());
    } catch (const Error& error) {
        raise_as("Error", error.what());
    } catch (const std::system_error& error) {  // those of std::filesystem, too
        raise_as("IoError", describe_foreign(error).c_str());
    }
}

void limit_threads(long long threads) {
    require(threads >= 1, "{} threads compute nothing: give at least 1", threads);
    set_thread_count(static_cast<std::size_t>(threads));
}

}  // namespace

void raise_as(const char* name, const char* text) {
    // Files may have names that are no UTF-8.
    const auto shown = nb::steal(PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(std::strlen(text)), "replace"));
    PyErr_SetObject(nb::module_::import_("polyformer.errors").attr(name).ptr(), shown.ptr());
}

void begin_module(nb::module_& module) {
    nb::register_exception_translator(translate);
    nb::set_leak_warnings(false);  // what a notebook still holds when it ends is no leak
    watch_interpreter();
    module.def("require_usable_process", require_usable_process);
    module.def("set_thread_count", limit_threads, nb::arg("threads"));
}

}  // namespace polyformer::python
