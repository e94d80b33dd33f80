// Kernels that count what they do. A program that links counting_kernels.cpp has them in place of kernels(): the
// reference's, counted.
#pragma once

#include <cstddef>
#include <functional>

namespace polyformer::ckks::testing {

/// In limbs of `ring_dimension` residues; what works on shorter ones counts by its words, but for transforms, which
/// count at this length only.
struct Measured {
    double transforms = 0;
    double products = 0;           ///< of residues that both vary, added up or not
    double weighted = 0;           ///< by weights that many residues share: base conversions, plaintexts of a subring
    double constant_products = 0;  ///< by one constant, within an inverse transform or by itself
    double permuted = 0;
};

/// What `body` does.
Measured count(std::size_t ring_dimension, const std::function<void()>& body);

}  // namespace polyformer::ckks::testing
