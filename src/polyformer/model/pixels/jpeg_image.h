// JPEG files, by libjpeg: baseline and progressive, of any chroma sampling that the library knows.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "polyformer/model/pixels/image.h"

namespace polyformer::model {

/// Greyscale is expanded, the image turned as its Exif data say. Throws FormatError naming `label` for a file that is
/// damaged or cut short, too large, in CMYK or of a kind that libjpeg does not read (lossless, 12 bits).
Image decode_jpeg(std::span<const std::byte> bytes, const std::string& label);

}  // namespace polyformer::model
