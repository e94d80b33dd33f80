// The arithmetic on whole limbs that all of the scheme's time goes into, behind one table of functions with a scalar
// reference and vector versions, chosen once for the CPU at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "polyformer/ckks/arithmetic/constants.h"
#include "polyformer/ckks/arithmetic/uniform_source.h"

namespace polyformer::ckks {

/// One implementation of every kernel.
///
/// A limb is an array of n residues in [0, q), q the modulus passed along (a Modulus turns into its constants by
/// itself, NttTables into what transforms take); so is every result. Any n is allowed, fastest when a multiple of 8 in
/// memory from AlignedWords. Outputs may be the same array as an input of the same operation (except for `permute`),
/// but must not overlap one otherwise. No kernel allocates, throws or starts threads.
struct Kernels {
    /// "scalar", "avx2", "avx512" or "neon".
    const char* name;

    /// Coefficients to evaluations, in place; see ntt.h for their order.
    void (*forward_ntt)(std::uint64_t* values, const TransformTables& tables);
    /// Evaluations to coefficients, factor 1/N included, times a residue, which costs nothing.
    void (*scaled_inverse_ntt)(std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                               const TransformTables& tables);
    /// Evaluations to coefficients, in place.
    void inverse_ntt(std::uint64_t* values, const TransformTables& tables) const {
        scaled_inverse_ntt(values, values, 1, tables);
    }

    /// out = a + b
    void (*add)(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                const ModulusConstants& q);
    /// out = a - b
    void (*subtract)(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                     const ModulusConstants& q);
    /// out = -a
    void (*negate)(std::uint64_t* out, const std::uint64_t* a, std::size_t n, const ModulusConstants& q);
    /// out = a ⊙ b
    void (*multiply)(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                     const ModulusConstants& q);

    /// out = a + scalar, the scalar a residue, as in the next three.
    void (*add_scalar)(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                       const ModulusConstants& q);
    /// out = a·scalar
    void (*multiply_scalar)(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                            const ModulusConstants& q);
    /// out += a·scalar
    void (*multiply_scalar_add)(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                                const ModulusConstants& q);
    /// out = (a - b)·scalar: the last step of rescaling and of dividing by an auxiliary modulus.
    void (*subtract_multiply_scalar)(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                     std::uint64_t scalar, std::size_t n, const ModulusConstants& q);

    /// out[i] = (a[j] - b[j])·scalar + c[j]·weight with j = index[i]: the last step of a key switch in one pass.
    /// Without `c` (null) nothing is added; without `index` j = i, and out may be an input. The index is as in
    /// permute().
    void (*subtract_multiply_add)(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                  std::uint64_t scalar, const std::uint64_t* c, std::uint64_t weight,
                                  const std::uint32_t* index, std::size_t n, const ModulusConstants& q);

    /// out = Σ_k a[k] ⊙ b[k] over k < count, plus the previous out if `accumulate`; reduced once at the end.
    void (*inner_product)(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b,
                          std::size_t count, std::size_t n, const ModulusConstants& q, bool accumulate);

    /// For every g < outputs: out[g][i] = Σ_k weights[g·count + k][i / run]·a[k][i] over k < count, plus the previous
    /// out[g][i] if `accumulate`. `run` is a power of two that divides n, or n itself. With run = n each source has one
    /// scalar weight (base conversion); with a small run, a small matrix product per run of entries (plaintexts in a
    /// subring). Entries of a[k] may be any numbers below 2^50, reduced or not (residues of another prime, say);
    /// weights are residues. No output may be a source.
    void (*weighted_sums)(std::uint64_t* const* out, std::size_t outputs, const std::uint64_t* const* a,
                          const std::uint64_t* const* weights, std::size_t count, std::size_t n, std::size_t run,
                          const ModulusConstants& q, bool accumulate);
    /// The same with a single output.
    void weighted_sum(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* weights,
                      std::size_t count, std::size_t n, std::size_t run, const ModulusConstants& q,
                      bool accumulate) const {
        weighted_sums(&out, 1, a, weights, count, n, run, q, accumulate);
    }

    /// out[i] = in[index[i]]. The index comes from evaluation_permutation() (automorphism.h), which takes each aligned
    /// block of eight entries from one aligned block; n is a multiple of 8.
    void (*permute)(std::uint64_t* out, const std::uint64_t* in, const std::uint32_t* index, std::size_t n);

    /// Residues modulo `from` to residues modulo `to` of their representatives in (-from/2, from/2).
    void (*reduce_centered)(std::uint64_t* out, const std::uint64_t* in, const ModulusConstants& from,
                            const ModulusConstants& to, std::size_t n);

    /// out[i] = Σ_k a[k][i]·reciprocals[k] in double precision, rounded to the nearest integer; entries below 2^50. How
    /// often the modulus must be taken off in a centred base conversion.
    void (*rounded_quotients)(std::uint64_t* out, const std::uint64_t* const* a, const double* reciprocals,
                              std::size_t count, std::size_t n);

    /// The residues that the source's blocks from `block` on give, in order; returns how many: at most 2·blocks, for
    /// which `out` has room, and fewer where words are refused. Fastest when `blocks` is a multiple of 64.
    std::size_t (*uniform_residues)(std::uint64_t* out, const UniformSource& source, std::uint64_t block,
                                    std::size_t blocks, const ModulusConstants& q);

    /// The first n numbers of `bits` ≤ 56 bits that lie one behind the other in `packed`, lowest bit first. There are
    /// `bytes` bytes, at least ⌈n·bits / 8⌉; beyond them nothing is read.
    void (*unpack)(std::uint64_t* out, const std::byte* packed, std::size_t bytes, int bits, std::size_t n);

    /// inner_product() of entries and packed numbers, residues both: those of b[k] lie as for unpack(), in `bytes`
    /// bytes each; n is a multiple of 8.
    void (*packed_inner_product)(std::uint64_t* out, const std::uint64_t* const* a, const std::byte* const* b,
                                 std::size_t bytes, int bits, std::size_t count, std::size_t n,
                                 const ModulusConstants& q, bool accumulate);
};

/// The fastest implementation that this CPU runs, or the one that the environment variable POLYFORMER_KERNELS names
/// (scalar, avx2, avx512 or neon; read once). Throws Error when that is unknown or the CPU lacks it.
const Kernels& kernels();

/// The reference, in plain C++.
const Kernels& scalar_kernels();

/// All implementations that this CPU runs, the reference first, the fastest last.
std::span<const Kernels* const> available_kernels();

}  // namespace polyformer::ckks
