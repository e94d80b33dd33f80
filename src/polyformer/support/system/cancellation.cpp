#include "polyformer/support/system/cancellation.h"

#include <tbb/task_group.h>

namespace polyformer {

struct Cancellable::Group {
    tbb::task_group tasks;  // loops inside it are bound to it: what cancels it cancels them
};

Cancellable::Cancellable() : group_(std::make_unique<Group>()) {}

Cancellable::~Cancellable() = default;

void Cancellable::run(const std::function<void()>& work) {
    if (group_->tasks.run_and_wait(work) == tbb::task_group_status::canceled) throw Cancelled();
}

void Cancellable::cancel() {
    group_->tasks.cancel();
}

void throw_if_cancelled() {
    if (tbb::is_current_task_group_canceling()) throw Cancelled();
}

}  // namespace polyformer
