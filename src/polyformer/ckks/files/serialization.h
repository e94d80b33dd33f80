// Parameters, public keys and ciphertexts as bytes; evaluation keys are in evaluation_key_serialization.h. The secret
// key has a file of its own (client/secret_key_serialization.h), in a library that the server does not link.
//
// Every reader treats its input as hostile: counts, levels, sizes and residues are checked before anything is allocated
// or used, and FormatError names the source, what was expected, what was found and what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/ckks/files/byte_stream.h"
#include "polyformer/ckks/files/container.h"
#include "polyformer/ckks/scheme/ciphertext.h"
#include "polyformer/ckks/scheme/keys.h"
#include "polyformer/ckks/scheme/parameters.h"

namespace polyformer::ckks {

/// What a container's header says it is.
namespace kinds {
inline constexpr std::string_view kParameters = "parameters";
inline constexpr std::string_view kPublicKey = "public key";
inline constexpr std::string_view kEvaluationKeys = "evaluation keys";
inline constexpr std::string_view kCiphertexts = "ciphertexts";
inline constexpr std::string_view kSeededCiphertexts = "seeded ciphertexts";
inline constexpr std::string_view kSecretKey = "secret key";
}  // namespace kinds

/// Header for an object of a key set; `key_fingerprint` may be empty.
ContainerHeader make_header(std::string_view kind, const Parameters& parameters, std::string key_fingerprint,
                            std::uint64_t sections);

// All readers throw FormatError when the source is no container, of another kind or version, made for other parameters,
// cut short, damaged, or says what cannot be.

/// The header alone.
void write_parameters(ByteSink& sink, const Parameters& parameters);
/// Validates the literal again. Throws FormatError also when it no longer leads to the primes of the fingerprint, Error
/// when it breaks a rule.
Parameters read_parameters(const ByteSource& source, ReadOptions options = {});

void write_public_key(ByteSink& sink, const Parameters& parameters, const PublicKey& key);
PublicKey read_public_key(const ByteSource& source, const Parameters& parameters, ReadOptions options = {});

/// An empty list is allowed. Throws Error when the ciphertexts are of several key sets.
void write_ciphertexts(ByteSink& sink, const Parameters& parameters, std::span<const Ciphertext> ciphertexts);
std::vector<Ciphertext> read_ciphertexts(const ByteSource& source, const Parameters& parameters,
                                         ReadOptions options = {});
void write_seeded_ciphertexts(ByteSink& sink, const Parameters& parameters,
                              std::span<const SeededCiphertext> ciphertexts);
std::vector<SeededCiphertext> read_seeded_ciphertexts(const ByteSource& source, const Parameters& parameters,
                                                      ReadOptions options = {});

/// What a ciphertext says of itself before its residues.
struct CiphertextHead : CiphertextMetadata {
    std::uint32_t components = 0;  ///< that are stored: 1 of a seeded one
};

// Single ciphertexts as sections of a container with a kind of its own, such as a request.
void write_section(ContainerWriter& writer, const Parameters& parameters, const Ciphertext& ciphertext);
void write_section(ContainerWriter& writer, const Parameters& parameters, const SeededCiphertext& ciphertext);
/// Of section number `section`, of either kind, whose length fits it: for a judgement before anything large is read.
/// The section's checksum is not verified. Throws FormatError for a head that no ciphertext of these parameters has, as
/// readers do.
CiphertextHead read_ciphertext_head(const ContainerReader& reader, std::size_t section, const Parameters& parameters);
/// Of section number `section`. The key fingerprint is the container's.
Ciphertext read_ciphertext(const ContainerReader& reader, std::size_t section, const Parameters& parameters);
SeededCiphertext read_seeded_ciphertext(const ContainerReader& reader, std::size_t section,
                                        const Parameters& parameters);

}  // namespace polyformer::ckks
