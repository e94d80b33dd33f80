// How large an image may be: checked by each format's reader before anything is allocated.
#pragma once

#include <cstddef>
#include <string>

namespace polyformer::model {

/// Far above any photograph, far below what a hostile file could claim.
inline constexpr std::size_t kMaxImageSide = 16384;
inline constexpr std::size_t kMaxImagePixels = std::size_t{1} << 26;

/// Throws FormatError naming `label` for a side of 0 or above kMaxImageSide, or too many pixels.
void require_size(std::size_t height, std::size_t width, const std::string& label);

}  // namespace polyformer::model
