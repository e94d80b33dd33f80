// The kernels with NEON, which every 64-bit ARM has; the transforms are in ntt_neon.cpp, uniform residues in
// uniform_neon.cpp.
#ifdef __linux__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "polyformer/ckks/kernels/arm/simd_neon.h"
#include "polyformer/ckks/kernels/double_arithmetic.h"
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/kernels_vector_template.h"

namespace polyformer::ckks {

namespace {

/// Not every ARM has instructions for AES.
bool has_aes() {
#if defined(__ARM_FEATURE_AES)
    return true;
#elif defined(__linux__)
    return (::getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
    return false;
#endif
}

}  // namespace

const Kernels& neon_kernels() {
    static const Kernels kTable = vector_kernels<DoubleArithmetic<neon::Simd>>(
        "neon", neon::forward_ntt, neon::scaled_inverse_ntt, scalar_kernels().permute,
        has_aes() ? neon::uniform_residues : scalar_kernels().uniform_residues);
    return kTable;
}

}  // namespace polyformer::ckks
