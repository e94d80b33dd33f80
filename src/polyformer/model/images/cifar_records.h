// The files of CIFAR-100's binary version: records of a coarse label, a fine one, and planes of red, green and blue.
// https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace polyformer::model {

inline constexpr std::size_t cifar_side = 32;
inline constexpr std::size_t cifar_plane = cifar_side * cifar_side;
inline constexpr std::size_t cifar_record = 2 + 3 * cifar_plane;
inline constexpr std::size_t cifar_classes = 100;
inline constexpr std::size_t cifar_coarse_classes = 20;

/// How many records of cifar_record bytes a file of CIFAR-100's has; throws FormatError naming `label` when it is no
/// such file.
std::size_t cifar_records(std::span<const std::byte> bytes, const std::string& label);

}  // namespace polyformer::model
