#include "polyformer/support/system/parallel.h"

#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <memory>

#include "polyformer/support/system/cancellation.h"

namespace polyformer {

namespace {

std::unique_ptr<tbb::global_control>& limit() {
    static std::unique_ptr<tbb::global_control> control;
    return control;
}

}  // namespace

void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) {
    throw_if_cancelled();
    if (count <= 1 || thread_count() == 1) {
        for (std::size_t i = 0; i < count; ++i) body(i);
        return;
    }
    tbb::parallel_for(std::size_t{0}, count, body);
    throw_if_cancelled();  // a loop that is cancelled ends early without a word
}

void set_thread_count(std::size_t threads) {
    limit() = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism,
                                                    std::max<std::size_t>(threads, 1));
}

std::size_t thread_count() {
    return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
}

}  // namespace polyformer
