// Any order with equal chance, the same one with every standard library: std::shuffle's differs.
#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <utility>

namespace polyformer {

template <class T, std::size_t kExtent>
void shuffle(std::span<T, kExtent> values, std::mt19937_64& random) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random() % i]);
}

}  // namespace polyformer
