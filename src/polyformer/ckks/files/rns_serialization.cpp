#include "polyformer/ckks/files/rns_serialization.h"

#include <vector>

#include "polyformer/ckks/ring/residue_packing.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

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
        const bool valid = unpack_residues(packed, modulus.bits(), modulus.value(), polynomial.limb(row));
        require<FormatError>(valid,
                             "{}: a residue in row {} is not below its prime {}: the file is damaged or was made "
                             "by something else",
                             reader.place(), row, modulus.value());
    }
    return polynomial;
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
