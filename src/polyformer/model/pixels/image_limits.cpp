#include "polyformer/model/pixels/image_limits.h"

#include "polyformer/support/error.h"

namespace polyformer::model {

void require_size(std::size_t height, std::size_t width, const std::string& label) {
    require<FormatError>(height > 0 && width > 0 && height <= kMaxImageSide && width <= kMaxImageSide &&
                             height * width <= kMaxImagePixels,
                         "{} is {}x{} pixels; an image may have up to {} a side and {} in all: make it smaller", label,
                         width, height, kMaxImageSide, kMaxImagePixels);
}

}  // namespace polyformer::model
