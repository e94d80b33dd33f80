// Objects that hold a secret key: nothing shows it, pickles it or copies it.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

namespace polyformer::python {

/// Refuses pickling and copying of the class, in words; `what` begins them.
template <class T>
void keep_secret(nanobind::class_<T>& bound, const std::string& what) {
    namespace nb = nanobind;
    const std::string text =
        what + " holds a secret key, which can be neither pickled nor copied: its file is where it is kept";
    const auto refuse = [text](nb::handle, const nb::args&) { throw nb::type_error(text.c_str()); };
    for (const char* name : {"__reduce__", "__reduce_ex__", "__getstate__", "__copy__", "__deepcopy__"}) {
        bound.def(name, refuse);
    }
}

}  // namespace polyformer::python
