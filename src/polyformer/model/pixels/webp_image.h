// WebP files, by libwebp: lossy and lossless still images.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "polyformer/model/pixels/image.h"

namespace polyformer::model {

/// Transparent pixels are laid over black as those of PNG files are, the image turned as its Exif data say. Throws
/// FormatError naming `label` for a file that is damaged, cut short, too large or an animation.
Image decode_webp(std::span<const std::byte> bytes, const std::string& label);

}  // namespace polyformer::model
