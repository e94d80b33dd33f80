// Images as pixels: read from PNG, JPEG and WebP files of any size, brought to the size that a model takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/pixels/image_limits.h"

namespace polyformer::model {

/// Red, green and blue of each pixel, row by row: value (y·width + x)·3 + channel.
struct Image {
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<std::uint8_t> values;
};

/// A PNG, JPEG or WebP file, known by its content: greyscale and palettes are expanded, 16 bits become 8, transparent
/// pixels are laid over black, photographs are turned as their Exif data say. Throws IoError, or FormatError naming the
/// file and what is wrong with it (cut short, damaged, CMYK, animated, none of the formats, a side above
/// kMaxImageSide); sizes are checked before anything is allocated.
Image read_image(const std::filesystem::path& file);

/// The same from memory; `label` names it in errors.
Image decode_image(std::span<const std::byte> bytes, const std::string& label);

/// To another size: the shorter side is scaled to fit, the longer one cut evenly at both ends, every pixel the mean
/// of the area that it covers (bilinear where it is smaller than a pixel). The image itself when the size is right.
/// Throws Error when a side is 0 or above kMaxImageSide, or there are not as many values as the size says.
Image resized(const Image& image, std::size_t height, std::size_t width);

}  // namespace polyformer::model
