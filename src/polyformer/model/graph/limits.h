// What a model may be at most: far above anything that could run encrypted, far below what a hostile file could claim
// to make us allocate or loop over.
#pragma once

#include <cstddef>

namespace polyformer::model {

inline constexpr std::size_t kMaxContext = 65536;
inline constexpr std::size_t kMaxFeatures = std::size_t{1} << 20;
inline constexpr std::size_t kMaxNodes = 100000;
inline constexpr std::size_t kMaxCoefficients = 65536;
inline constexpr std::size_t kMaxNameLength = 256;
inline constexpr std::size_t kMaxTaps = 1024;  // of a convolution: 32 × 32

}  // namespace polyformer::model
