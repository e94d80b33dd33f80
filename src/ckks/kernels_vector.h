// The vector implementations of the kernels, for kernels.cpp alone: everybody else asks for kernels(). Each runs only
// on a CPU that has its instructions, which the caller checks.
#pragma once

#include "ckks/kernels.h"

namespace polyformer::ckks {

/// Needs AVX-512 F, DQ, VL and IFMA (52-bit integer multiply-add).
const Kernels& avx512_kernels();

// The transforms of the AVX-512 kernels.
void forward_ntt_avx512(std::uint64_t* values, const NttTables& tables);
void inverse_ntt_avx512(std::uint64_t* values, const NttTables& tables);

}  // namespace polyformer::ckks
