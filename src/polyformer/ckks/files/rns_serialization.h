// Polynomials as packed rows: what the files of keys and ciphertexts are made of.
#pragma once

#include <cstdint>

#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Bytes of the rows of q_0 .. q_level and p_0 .. p_{special−1}, each packed to the bits of its prime.
std::uint64_t packed_rows_bytes(const Parameters& parameters, int level, int special);

void write_rows(SectionWriter& writer, const Parameters& parameters, const RnsPolynomial& polynomial, int level,
                int special);
/// Throws FormatError when a residue is not below its prime. The caller has checked level and special.
RnsPolynomial read_rows(SectionReader& reader, const Parameters& parameters, int level, int special);

void write_seed(SectionWriter& writer, const Seed& seed);
Seed read_seed(SectionReader& reader);

/// Throws FormatError unless a section has the length that its first fields imply.
void require_length(const SectionReader& reader, std::uint64_t expected);
/// Throws FormatError unless `level` is one of the parameters'.
void require_level(const SectionReader& reader, const Parameters& parameters, std::int64_t level);

}  // namespace polyformer::ckks
