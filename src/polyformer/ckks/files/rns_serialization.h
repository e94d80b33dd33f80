// Polynomials as rows of packed residues: what the files of keys and ciphertexts are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/ring/packed_rows.h"
#include "polyformer/ckks/ring/rns_polynomial.h"
#include "polyformer/ckks/ring/uniform_stream.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// Writes Parameters::packed_rows_bytes() bytes. Throws Error unless the polynomial has those rows.
void write_rows(SectionWriter& writer, const Parameters& parameters, const RnsPolynomial& polynomial, int level,
                int special);
/// The polynomial that write_rows() wrote. Throws FormatError when the section ends early or a residue is not below its
/// prime. The caller has checked level and special.
RnsPolynomial read_rows(SectionReader& reader, const Parameters& parameters, int level, int special);

/// The same for rows that are packed already: they are written as they are.
void write_rows(SectionWriter& writer, const Parameters& parameters, const PackedRows& polynomial, int level,
                int special);
/// Polynomials one behind the other, left where they are as far as the source can share its bytes. Throws like
/// read_rows().
std::vector<PackedRows> share_rows(SectionReader& reader, const Parameters& parameters, int level, int special,
                                   std::size_t polynomials);

void write_seed(SectionWriter& writer, const Seed& seed);
/// Throws FormatError when the section ends early.
Seed read_seed(SectionReader& reader);

/// Throws FormatError unless a section has the length that its first fields imply.
void require_length(const SectionReader& reader, std::uint64_t expected);
/// Throws FormatError unless `level` is one of the parameters'.
void require_level(const SectionReader& reader, const Parameters& parameters, std::int64_t level);

}  // namespace polyformer::ckks
