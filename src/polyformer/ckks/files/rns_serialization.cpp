#include "polyformer/ckks/files/rns_serialization.h"

#include <span>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/ring/residue_packing.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

/// Unpacks a row. Throws FormatError unless all that is in it is below its prime.
void unpack_row(const SectionReader& reader, std::span<const std::byte> packed, std::size_t row, const Modulus& modulus,
                std::span<std::uint64_t> out) {
    const bool valid = unpack_residues(packed, modulus.bits(), modulus.value(), out);
    require<FormatError>(valid,
                         "{}: a residue in row {} is not below its prime {}: the file is damaged or was made "
                         "by something else",
                         reader.place(), row, modulus.value());
}

}  // namespace

void write_rows(SectionWriter& writer, const Parameters& parameters, const RnsPolynomial& polynomial, int level,
                int special) {
    const auto rows = static_cast<std::size_t>(level + 1 + special);
    require<Error>(polynomial.limbs() == rows && polynomial.ring_dimension() == parameters.ring_dimension(),
                   "a polynomial of {} limbs of {} residues where {} of {} are to be written", polynomial.limbs(),
                   polynomial.ring_dimension(), rows, parameters.ring_dimension());
    std::vector<std::byte> packed;
    for (std::size_t row = 0; row < polynomial.limbs(); ++row) {
        const Modulus& modulus = parameters.row(level, row).modulus();
        packed.resize(packed_bytes(parameters.ring_dimension(), modulus.bits()));
        pack_residues(polynomial.limb(row), modulus.bits(), packed);
        writer.write(packed);
    }
}

RnsPolynomial read_rows(SectionReader& reader, const Parameters& parameters, int level, int special) {
    RnsPolynomial polynomial =
        RnsPolynomial::uninitialised(parameters.ring_dimension(), static_cast<std::size_t>(level + 1 + special));
    std::vector<std::byte> packed;
    for (std::size_t row = 0; row < polynomial.limbs(); ++row) {
        const Modulus& modulus = parameters.row(level, row).modulus();
        packed.resize(packed_bytes(parameters.ring_dimension(), modulus.bits()));
        reader.read(packed);
        unpack_row(reader, packed, row, modulus, polynomial.limb(row));
    }
    return polynomial;
}

void write_rows(SectionWriter& writer, const Parameters& parameters, const PackedRows& polynomial, int level,
                int special) {
    require<Error>(polynomial.ring_dimension() == parameters.ring_dimension() &&
                       polynomial.bits() == parameters.row_bits(level, special),
                   "{} packed rows of {} residues are not {} of {}, each of as many bits as its prime",
                   polynomial.limbs(), polynomial.ring_dimension(), level + 1 + special, parameters.ring_dimension());
    writer.write(polynomial.bytes());
}

std::vector<PackedRows> share_rows(SectionReader& reader, const Parameters& parameters, int level, int special,
                                   std::size_t polynomials) {
    const std::size_t bytes = parameters.packed_rows_bytes(level, special);
    const SharedBytes all = reader.share(polynomials * bytes);
    AlignedWords residues(parameters.ring_dimension());
    std::vector<PackedRows> result;
    for (std::size_t i = 0; i < polynomials; ++i) {
        result.emplace_back(parameters.ring_dimension(), parameters.row_bits(level, special),
                            all.part(i * bytes, bytes));
        for (std::size_t row = 0; row < result.back().limbs(); ++row) {
            unpack_row(reader, result.back().row(row), row, parameters.row(level, row).modulus(), residues);
        }
    }
    return result;
}

void write_seed(SectionWriter& writer, const Seed& seed) {
    writer.write(std::as_bytes(std::span(seed)));
}

Seed read_seed(SectionReader& reader) {
    Seed seed{};
    reader.read(std::as_writable_bytes(std::span(seed)));
    return seed;
}

void require_length(const SectionReader& reader, std::uint64_t expected) {
    require<FormatError>(reader.length() == expected,
                         "{} has {} bytes, but its first fields ask for {}: it is damaged or foreign", reader.place(),
                         reader.length(), expected);
}

void require_level(const SectionReader& reader, const Parameters& parameters, std::int64_t level) {
    require<FormatError>(level >= 0 && level <= parameters.max_level(),
                         "{}: level {} is outside the parameters' 0 to {}", reader.place(), level,
                         parameters.max_level());
}

}  // namespace polyformer::ckks
