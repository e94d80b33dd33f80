// Work of more than an instant: without the GIL, stopped by Ctrl-C, with progress.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace polyformer::python {

/// Does the work in a thread of its own while this one, which holds the GIL only to do so, looks for signals twenty
/// times a second and passes on what progress bars show: progress(title, share, note), unless that is None. Raises
/// what a signal's handler or `progress` raises, once the work has stopped; throws what the work throws.
void run_long(nanobind::handle progress, const std::function<void()>& work);

/// The same with a result. `work` must not touch Python's objects.
template <class Work>
std::invoke_result_t<Work> long_call(nanobind::handle progress, Work&& work) {
    if constexpr (std::is_void_v<std::invoke_result_t<Work>>) {
        run_long(progress, std::forward<Work>(work));
    } else {
        std::optional<std::invoke_result_t<Work>> result;
        run_long(progress, [&] { result.emplace(work()); });
        return std::move(*result);
    }
}

}  // namespace polyformer::python
