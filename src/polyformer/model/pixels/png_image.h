// PNG files, by libpng.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "polyformer/model/pixels/image.h"

namespace polyformer::model {

/// Greyscale and palettes are expanded, 16 bits become 8, transparent pixels are laid over black, the image turned as
/// its Exif data say. Throws FormatError naming `label` for a file that is damaged, cut short or too large.
Image decode_png(std::span<const std::byte> bytes, const std::string& label);

}  // namespace polyformer::model
