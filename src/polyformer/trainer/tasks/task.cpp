#include "polyformer/trainer/tasks/task.h"

namespace polyformer::train {

std::unique_ptr<Task> make_task(const StageRequest& request) {
    return request.config.vision ? make_image_task(request) : make_language_task(request);
}

}  // namespace polyformer::train
