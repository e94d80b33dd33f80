// The transforms with NEON.
#include "polyformer/ckks/kernels/arm/simd_neon.h"
#include "polyformer/ckks/kernels/double_butterflies.h"
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/ntt_vector_template.h"

namespace polyformer::ckks::neon {

using Transforms = TransformKernels<DoubleButterflies<Simd>>;

void forward_ntt(std::uint64_t* values, const TransformTables& tables) {
    Transforms::forward(values, tables);
}

void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                        const TransformTables& tables) {
    Transforms::scaled_inverse(out, in, scalar, tables);
}

}  // namespace polyformer::ckks::neon
