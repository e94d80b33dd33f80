#include "exceptions.h"

#include <nanobind/nanobind.h>

#include <exception>
#include <system_error>

#include "polyformer/support/error.h"
#include "polyformer/support/foreign_error.h"
#include "polyformer/support/system/cancellation.h"

namespace nb = nanobind;

namespace polyformer::python {

void raise_as(const char* name, const char* text) {
    PyErr_SetString(nb::module_::import_("polyformer.errors").attr(name).ptr(), text);
}

void register_exceptions() {
    nb::register_exception_translator([](const std::exception_ptr& raised, void*) {
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
    });
}

}  // namespace polyformer::python
