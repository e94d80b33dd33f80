// The vector implementations of the kernels, for kernels.cpp alone: everybody else asks for kernels(). Each runs only
// on a CPU that has its instructions, which the caller checks.
#pragma once

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

/// Needs AVX-512 F, DQ, VL and IFMA (52-bit integer multiply-add), and VAES (four blocks of AES at a time).
const Kernels& avx512_kernels();
/// Needs AVX2 and FMA (double-precision multiply-add). On a CPU without AES instructions its uniform
/// residues are the reference's.
const Kernels& avx2_kernels();

/// Needs what every 64-bit ARM has. On a CPU without AES instructions its uniform residues are the reference's.
const Kernels& neon_kernels();

namespace avx512 {
void forward_ntt(std::uint64_t* values, const TransformTables& tables);
void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                        const TransformTables& tables);
std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& q);
}  // namespace avx512

namespace avx2 {
void forward_ntt(std::uint64_t* values, const TransformTables& tables);
void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                        const TransformTables& tables);
/// Needs AES instructions too.
std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& q);
}  // namespace avx2

namespace neon {
void forward_ntt(std::uint64_t* values, const TransformTables& tables);
void scaled_inverse_ntt(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                        const TransformTables& tables);
/// Needs AES instructions too.
std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& q);
}  // namespace neon

}  // namespace polyformer::ckks
