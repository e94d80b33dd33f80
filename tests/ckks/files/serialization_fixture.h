// One key set in a small ring, and each kind of file.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/ckks/files/serialization.h"
#include "polyformer/ckks/scheme/encoder.h"

namespace polyformer::ckks::testing {

using Bytes = std::vector<std::byte>;

inline ParametersLiteral small_literal() {
    ParametersLiteral literal;
    literal.ring_dimension = 1024;
    literal.base_prime_bits = 34;
    literal.scale_bits = 30;
    literal.working_levels = 2;
    literal.special_prime_bits = 36;
    literal.special_primes = 1;
    literal.security = Security::insecure;
    return literal;
}

inline RnsPolynomial copy(const RnsPolynomial& polynomial) {
    return polynomial;
}

inline bool equal(const RnsPolynomial& a, const RnsPolynomial& b) {
    if (a.limbs() != b.limbs() || a.ring_dimension() != b.ring_dimension()) return false;
    for (std::size_t i = 0; i < a.limbs(); ++i) {
        if (!std::ranges::equal(a.limb(i), b.limb(i))) return false;
    }
    return true;
}

inline bool equal(const SwitchingKey& a, const SwitchingKey& b) {
    const auto same = [](const PackedRows& x, const PackedRows& y) {
        return x.bits() == y.bits() && std::ranges::equal(x.bytes(), y.bytes());
    };
    return a.level == b.level && a.special == b.special && a.digit_limbs == b.digit_limbs && a.seed == b.seed &&
           std::ranges::equal(a.b, b.b, same);
}

/// One key set in a small ring, and each object as bytes.
class SerializationTest : public ::testing::Test {
  protected:
    Parameters parameters_ = Parameters::create(small_literal());
    SecretKey secret_ = SecretKey::generate(parameters_);
    KeyGenerator generator_{parameters_, secret_};
    Encoder encoder_{parameters_};

    Plaintext plaintext(int level) const {
        const std::vector<double> values = {0.5, -0.25, 0.125, 1};
        return encoder_.encode(std::span<const double>(values), level, parameters_.scale(level));
    }
    std::vector<Ciphertext> ciphertexts() const {
        return {encrypt(parameters_, secret_, plaintext(0)), encrypt(parameters_, secret_, plaintext(1))};
    }
    std::vector<SeededCiphertext> seeded_ciphertexts() const {
        return {encrypt_seeded(parameters_, secret_, plaintext(1))};
    }
    KeyRequest small_request() const {
        KeyRequest request;
        request.add_relinearisation(parameters_, 1);
        request.add_rotation(parameters_, 3, 0);
        request.add_rotation(parameters_, -1, 2);
        request.add_conjugation(parameters_, 0);
        return request;
    }

    template <class Write>
    static Bytes bytes_of(Write write) {
        MemorySink sink;
        write(sink);
        return {sink.bytes().begin(), sink.bytes().end()};
    }
    Bytes parameters_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_parameters(sink, parameters_); });
    }
    Bytes public_key_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_public_key(sink, parameters_, generator_.public_key()); });
    }
    Bytes secret_key_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_secret_key(sink, parameters_, secret_); });
    }
    void save_secret(const std::filesystem::path& path) const {
        FileSink sink(path, FileAccess::owner_only);
        write_secret_key(sink, parameters_, secret_);
        sink.commit();
    }
    Bytes ciphertexts_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_ciphertexts(sink, parameters_, ciphertexts()); });
    }
    Bytes seeded_bytes() const {
        return bytes_of([&](ByteSink& sink) { write_seeded_ciphertexts(sink, parameters_, seeded_ciphertexts()); });
    }
    Bytes evaluation_keys_bytes() const {
        KeyRequest request;
        request.add_rotation(parameters_, 5, 0);
        return bytes_of(
            [&](ByteSink& sink) { write_evaluation_keys(sink, parameters_, generator_.evaluation_keys(request)); });
    }

    struct Kind {
        std::string name;
        Bytes bytes;
        std::function<void(const ByteSource&)> read;
    };
    /// Every kind of file with its reader.
    std::vector<Kind> kinds() const {
        return {
            {"parameters", parameters_bytes(), [](const ByteSource& s) { read_parameters(s); }},
            {"public key", public_key_bytes(), [&](const ByteSource& s) { read_public_key(s, parameters_); }},
            {"secret key", secret_key_bytes(), [&](const ByteSource& s) { read_secret_key(s, parameters_); }},
            {"ciphertexts", ciphertexts_bytes(), [&](const ByteSource& s) { read_ciphertexts(s, parameters_); }},
            {"seeded ciphertexts", seeded_bytes(),
             [&](const ByteSource& s) { read_seeded_ciphertexts(s, parameters_); }},
            {"evaluation keys", evaluation_keys_bytes(),
             [&](const ByteSource& s) { read_evaluation_keys(s, parameters_); }},
        };
    }
};

}  // namespace polyformer::ckks::testing
