// Learned positions of a grid of patches for images of another size.
#pragma once

#include <cstddef>

#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// `positions` are of `extra` tokens and then of from × from patches, row by row; those of the patches become to × to
/// by bicubic interpolation, as PyTorch has it (a = −3/4, corners not aligned, borders repeated).
Matrix resized_positions(const Matrix& positions, std::size_t extra, std::size_t from, std::size_t to);

}  // namespace polyformer::model
