// What kernels read: plain numbers, without a function that could be compiled into them.
//
// Vector kernels are compiled with instructions that not every CPU has. Had they inline functions in common with the
// rest of the program, the linker could choose their copies for all of it. So all that kernels.h lets them see is data
// and functions defined elsewhere; Modulus and NttTables turn into this data by themselves.
#pragma once

#include <cstddef>
#include <cstdint>

namespace polyformer::ckks {

__extension__ typedef unsigned __int128 Uint128;  // NOLINT(modernize-use-using): __extension__ needs the old form

/// A constant w in [0, q) with floor(w·2^52 / q), for many products by the same w (Harvey, arXiv:1205.2926).
struct ShoupFactor {
    std::uint64_t value;
    std::uint64_t quotient;
};

/// A modulus q and the constants that replace divisions by it: see Modulus, which makes them.
struct ModulusConstants {
    std::uint64_t value;           ///< q
    int bits;                      ///< 2^(bits-1) < q < 2^bits
    std::uint64_t barrett_factor;  ///< floor(2^(bits+62) / q): Barrett's factor for products shifted right by bits-2
    std::uint64_t reciprocal;      ///< floor(2^64 / q)
    std::uint64_t two_to_64;       ///< 2^64 mod q
    ShoupFactor two_to_52;         ///< of 2^52 mod q
};

/// The tables of one prime's transform, which belong to NttTables.
///
/// Butterflies form a binary tree: node 1 is the first level of the forward transform, nodes 2i and 2i+1 are the halves
/// of node i; node i multiplies by roots[i] = ψ^br(i).
///
/// The inverse needs no tables of its own: the inverse of roots[i] is -roots[mirror(i)], mirror(i) being the node as
/// far from the end of its level as i is from the start.
struct TransformTables {
    std::size_t ring_dimension;
    ModulusConstants modulus;
    const std::uint64_t* roots;
    const std::uint64_t* root_quotients;  ///< floor(roots[i]·2^52 / q)
    ShoupFactor inverse_dimension;        ///< 1/N, the factor of the last level of the inverse transform
    ShoupFactor last_factor;              ///< roots[1]/N, that level's other factor
};

// What vector kernels compute once for a whole limb.

/// `constant`, a residue, as a factor.
ShoupFactor shoup_factor(const ModulusConstants& q, std::uint64_t constant);
/// a·b mod q for residues.
std::uint64_t product_modulo(const ModulusConstants& q, std::uint64_t a, std::uint64_t b);
/// 2^exponent mod q.
std::uint64_t power_of_two_modulo(const ModulusConstants& q, std::uint64_t exponent);
/// -a mod q for any a.
std::uint64_t negative_modulo(const ModulusConstants& q, std::uint64_t a);

}  // namespace polyformer::ckks
