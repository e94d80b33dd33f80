// The kernels with AVX2 and FMA; the transforms are in ntt_avx2.cpp, uniform residues in uniform_avx2.cpp.
#include "polyformer/ckks/kernels/double_arithmetic.h"
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/ckks/kernels/kernels_vector_template.h"
#include "polyformer/ckks/kernels/x86/simd_avx2.h"

namespace polyformer::ckks {

namespace {

/// Of this source alone, as is all that it goes into: see constants.h.
struct Arithmetic : DoubleArithmetic<avx2::Simd> {};

}  // namespace

const Kernels& avx2_kernels() {
    // Permuting gains nothing from vectors of four: the reference's will do.
    static const Kernels kTable = vector_kernels<Arithmetic>(
        "avx2", avx2::forward_ntt, avx2::scaled_inverse_ntt, scalar_kernels().permute,
        __builtin_cpu_supports("aes") ? avx2::uniform_residues : scalar_kernels().uniform_residues);
    return kTable;
}

}  // namespace polyformer::ckks
