// Which way up a photograph is: cameras store it as the sensor lies and note how to turn it.
#pragma once

#include <cstddef>
#include <span>

#include "polyformer/model/pixels/image.h"

namespace polyformer::model {

/// The orientation that a JPEG file's Exif data names (tag 274 of Exif 2.32, section 4.6.4), 1 to 8; 1, as stored,
/// where there is none or it cannot be read.
int exif_orientation(std::span<const std::byte> jpeg);

/// The same of Exif data alone, as PNG (chunk eXIf) and WebP (chunk EXIF) files keep them: a TIFF header and what
/// follows, with or without "Exif" and two zeros before it.
int tiff_orientation(std::span<const std::byte> exif);

/// The image as it is to be seen, given its orientation: 1 as stored, 2 mirrored, 3 upside down, 4 upside down and
/// mirrored, 6 and 8 to be turned by a quarter to the right and to the left, 5 and 7 the same of the mirrored image.
/// Throws Error for any other number.
Image upright(Image stored, int orientation);

}  // namespace polyformer::model
