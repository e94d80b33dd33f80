// Parameters, public keys, ciphertexts and evaluation keys as bytes. The secret key has a file of its own
// (secret_key_serialization.h), in a library that the server does not link.
//
// Every reader treats its input as hostile: counts, levels, sizes and residues are checked before anything is allocated
// or used, and FormatError names the source, what was expected, what was found and what to do.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
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

// Parameters: the header alone, whose literal is validated again when read.
void write_parameters(ByteSink& sink, const Parameters& parameters);
/// Throws FormatError when the literal no longer leads to the primes of the fingerprint, Error when it breaks a rule.
Parameters read_parameters(const ByteSource& source, ReadOptions options = {});

void write_public_key(ByteSink& sink, const Parameters& parameters, const PublicKey& key);
PublicKey read_public_key(const ByteSource& source, const Parameters& parameters, ReadOptions options = {});

// Ciphertexts, all of one key set; an empty list is allowed.
void write_ciphertexts(ByteSink& sink, const Parameters& parameters, std::span<const Ciphertext> ciphertexts);
std::vector<Ciphertext> read_ciphertexts(const ByteSource& source, const Parameters& parameters,
                                         ReadOptions options = {});
void write_seeded_ciphertexts(ByteSink& sink, const Parameters& parameters,
                              std::span<const SeededCiphertext> ciphertexts);
std::vector<SeededCiphertext> read_seeded_ciphertexts(const ByteSource& source, const Parameters& parameters,
                                                      ReadOptions options = {});

// Single ciphertexts as sections of a container with a kind of its own, such as a request.
void write_section(ContainerWriter& writer, const Parameters& parameters, const Ciphertext& ciphertext);
void write_section(ContainerWriter& writer, const Parameters& parameters, const SeededCiphertext& ciphertext);
/// Bytes of the section's body.
std::uint64_t section_bytes(const Parameters& parameters, const Ciphertext& ciphertext);
std::uint64_t section_bytes(const Parameters& parameters, const SeededCiphertext& ciphertext);
Ciphertext read_ciphertext(const ContainerReader& reader, std::size_t section, const Parameters& parameters);
SeededCiphertext read_seeded_ciphertext(const ContainerReader& reader, std::size_t section,
                                        const Parameters& parameters);

/// What an evaluation key is for.
enum class KeyRole : std::uint32_t { relinearisation, conjugation, dense_to_sparse, sparse_to_dense, rotation };

/// Writes evaluation keys one at a time, so that whoever generates them need never hold them all. The uniform halves
/// are replaced by their seeds.
class EvaluationKeysWriter {
  public:
    /// `count` keys will follow.
    EvaluationKeysWriter(ByteSink& sink, const Parameters& parameters, const std::string& key_fingerprint,
                         std::size_t count);
    /// `step` in [1, N/2) for rotations, 0 otherwise.
    void write(KeyRole role, int step, const SwitchingKey& key);
    /// Throws Error unless `count` keys were written.
    void finish() const { writer_.finish(); }

  private:
    Parameters parameters_;
    ContainerWriter writer_;
};

/// Called with the share of the work done, in [0, 1], from one thread at a time.
using ShareCallback = std::function<void(double share)>;

void write_evaluation_keys(ByteSink& sink, const Parameters& parameters, const EvaluationKeys& keys);
/// Reads and expands the keys on all threads, straight into their final place.
EvaluationKeys read_evaluation_keys(const ByteSource& source, const Parameters& parameters, ReadOptions options = {},
                                    const ShareCallback& progress = {});

}  // namespace polyformer::ckks
