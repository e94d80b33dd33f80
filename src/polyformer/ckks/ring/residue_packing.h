// Residues modulo a prime of b bits, packed into b bits each: primes of 40 to 50 bits take 22 to 37 % less than words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace polyformer::ckks {

/// ⌈count · bits / 8⌉.
std::size_t packed_bytes(std::size_t count, int bits);

/// Packs residues, each below 2^bits, lowest bit first; bits ≤ 56. `out` has packed_bytes() bytes.
void pack_residues(std::span<const std::uint64_t> residues, int bits, std::span<std::byte> out);

/// The inverse. Returns false when a residue is not below `modulus`, or a padding bit is set.
bool unpack_residues(std::span<const std::byte> packed, int bits, std::uint64_t modulus, std::span<std::uint64_t> out);

}  // namespace polyformer::ckks
