// The numbers that a block of quantised weights begins with, at any address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "polyformer/support/small_floats.h"

namespace polyformer::model {

template <class T>
T number_at(const std::byte* bytes) {
    T number;
    std::memcpy(&number, bytes, sizeof number);
    return number;
}

inline float half_at(const std::byte* bytes) {
    return float_of_half(number_at<std::uint16_t>(bytes));
}

inline int byte_at(const std::byte* bytes) {
    return std::to_integer<int>(*bytes);
}

}  // namespace polyformer::model
