// numpy's arrays as tensors, and back.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "polyformer/model/interpreter/interpreter.h"

namespace polyformer::python {

namespace nb = nanobind;

template <class T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Rows = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
/// (height, width, 3)
using Pixels = nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

/// The numbers themselves, moved and not copied, as an array of this shape.
template <class T>
nb::ndarray<nb::numpy, T> to_numpy(std::vector<T> values, std::initializer_list<std::size_t> shape) {
    auto kept = std::make_unique<std::vector<T>>(std::move(values));
    T* const data = kept->data();
    const nb::capsule owner(kept.get(), [](void* vector) noexcept { delete static_cast<std::vector<T>*>(vector); });
    kept.release();
    return nb::ndarray<nb::numpy, T>(data, shape, owner);
}

inline nb::ndarray<nb::numpy, double> to_numpy(model::Tensor tensor) {
    return to_numpy(std::move(tensor.values), {tensor.rows, tensor.columns});
}

inline model::Tensor to_tensor(const Rows<double>& array) {
    return {array.shape(0), array.shape(1), std::vector<double>(array.data(), array.data() + array.size())};
}

}  // namespace polyformer::python
