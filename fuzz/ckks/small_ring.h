// What the targets that read keys and ciphertexts share: a ring small enough for files of a few kilobytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::fuzz {

/// Rings above this are not tried: setting up their tables would take most of the time.
inline constexpr std::size_t kMaxRingDimension = 1024;

/// The bytes after the checksums: mutated inputs would not get past them.
inline constexpr ckks::ReadOptions kWithoutChecksums{.verify_checksums = false};

inline ckks::ParametersLiteral small_literal() {
    ckks::ParametersLiteral literal;
    literal.ring_dimension = kMaxRingDimension;
    literal.base_prime_bits = 34;
    literal.scale_bits = 30;
    literal.working_levels = 3;
    literal.special_prime_bits = 36;
    literal.special_primes = 2;
    literal.security = ckks::Security::insecure;
    return literal;
}

inline const ckks::Parameters& small_parameters() {
    static const ckks::Parameters parameters = ckks::Parameters::create(small_literal());
    return parameters;
}

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
    return std::as_bytes(std::span(data, size));
}

}  // namespace polyformer::fuzz
