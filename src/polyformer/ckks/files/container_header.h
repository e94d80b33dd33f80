// The header that every serialised object begins with: what it is and what it belongs to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// What a container is and what it belongs to.
struct ContainerHeader {
    std::string kind;  ///< "secret key", "ciphertexts", ...: up to 32 printable characters
    ParametersLiteral literal;
    std::string parameters_fingerprint;  ///< 64 hexadecimal digits
    std::string key_fingerprint;         ///< up to 64 hexadecimal digits; empty for what no key set made
    std::uint64_t sections = 0;
};

/// The header's fields as they stand in a file, checksum excluded. Throws Error for a kind or a fingerprint that is too
/// long for its field.
std::vector<std::byte> header_fields(const ContainerHeader& header);
/// Bytes of the fields of any header.
std::size_t header_bytes();

/// Throws FormatError unless the source begins as a container of this version does.
void check_beginning(const ByteSource& source);
/// What header_bytes() bytes say. Throws FormatError, which calls their source `name`, for values that cannot be.
ContainerHeader parse_header(std::span<const std::byte> fields, const std::string& name);

/// "N = 65536, 18 working levels of 40 bits, with bootstrapping": for errors that compare two sets.
std::string describe(const ParametersLiteral& literal);

}  // namespace polyformer::ckks
