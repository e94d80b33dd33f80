#include "polyformer/ckks/client/encryption.h"

#include <utility>
#include <vector>

#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/client/secret_polynomial.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

void check_plaintext(const Parameters& parameters, const Plaintext& plaintext, int max_level) {
    require(plaintext.level >= 0 && plaintext.level <= max_level,
            "a plaintext at level {} cannot be encrypted: levels are 0 to {}", plaintext.level, max_level);
    require(
        plaintext.polynomial.ring_dimension() == parameters.ring_dimension() &&
            plaintext.polynomial.limbs() == static_cast<std::size_t>(plaintext.level) + 1,
        "a plaintext of {} limbs of ring dimension {} at level {} does not belong to parameters of ring dimension {}",
        plaintext.polynomial.limbs(), plaintext.polynomial.ring_dimension(), plaintext.level,
        parameters.ring_dimension());
}

CiphertextMetadata encrypted(const Plaintext& plaintext, const std::string& key_fingerprint) {
    CiphertextMetadata metadata = plaintext.metadata();
    metadata.key_fingerprint = key_fingerprint;
    return metadata;
}

}  // namespace

SeededCiphertext encrypt_seeded(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext) {
    check_secret(parameters, secret);
    check_plaintext(parameters, plaintext, parameters.max_level());
    const std::size_t n = parameters.ring_dimension();
    SeededCiphertext result{encrypted(plaintext, secret.key_fingerprint()),
                            RnsPolynomial::uninitialised(n, plaintext.polynomial.limbs()), random_seed()};
    std::vector<std::int8_t> error = gaussian_error(n);
    const WipeOnExit<std::int8_t> wiper(error);
    const SecretPolynomial noise(parameters, error, plaintext.level, 0);
    parallel_for(result.b.limbs(), [&](std::size_t i) {
        const Modulus& q = parameters.q(static_cast<int>(i)).modulus();
        std::uint64_t* b = result.b.limb(i).data();
        expand_uniform(result.seed, uniform_stream(0, false, i), q, result.b.limb(i));
        kernels().multiply(b, b, secret.evaluations().limb(i).data(), n, q);
        kernels().subtract(b, noise.rows().limb(i).data(), b, n, q);
        kernels().add(b, b, plaintext.polynomial.limb(i).data(), n, q);
    });
    return result;
}

Ciphertext encrypt(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext) {
    return expand(parameters, encrypt_seeded(parameters, secret, plaintext));
}

Ciphertext encrypt(const Parameters& parameters, const PublicKey& key, const Plaintext& plaintext) {
    require(key.parameters_fingerprint == parameters.fingerprint(),
            "the public key belongs to the parameter set {}, not to {}", key.parameters_fingerprint,
            parameters.fingerprint());
    check_plaintext(parameters, plaintext, parameters.working_level());
    for (const RnsPolynomial* half : {&key.b, &key.a}) {
        require(half->ring_dimension() == parameters.ring_dimension() &&
                    half->limbs() > static_cast<std::size_t>(plaintext.level),
                "a public key of {} limbs of ring dimension {} cannot encrypt at level {} of ring dimension {}",
                half->limbs(), half->ring_dimension(), plaintext.level, parameters.ring_dimension());
    }
    const std::size_t n = parameters.ring_dimension();
    std::vector<std::int8_t> small(n);
    const WipeOnExit<std::int8_t> wiper(small);
    sample_ternary(small);
    const SecretPolynomial mask(parameters, small, plaintext.level, 0);

    Ciphertext result{encrypted(plaintext, key.key_fingerprint), {}};
    for (const RnsPolynomial* half : {&key.b, &key.a}) {
        sample_gaussian(small);
        const SecretPolynomial noise(parameters, small, plaintext.level, 0);
        RnsPolynomial component = RnsPolynomial::uninitialised(n, plaintext.polynomial.limbs());
        parallel_for(component.limbs(), [&](std::size_t i) {
            const Modulus& q = parameters.q(static_cast<int>(i)).modulus();
            std::uint64_t* out = component.limb(i).data();
            kernels().multiply(out, half->limb(i).data(), mask.rows().limb(i).data(), n, q);
            kernels().add(out, out, noise.rows().limb(i).data(), n, q);
            if (half == &key.b) kernels().add(out, out, plaintext.polynomial.limb(i).data(), n, q);
        });
        result.components.push_back(std::move(component));
    }
    return result;
}

Plaintext decrypt(const Parameters& parameters, const SecretKey& secret, const Ciphertext& ciphertext) {
    check_secret(parameters, secret);
    require(ciphertext.key_fingerprint == secret.key_fingerprint(),
            "the ciphertext is encrypted under key set {}, the secret key is of key set {}: use the secret that it was "
            "made with",
            ciphertext.key_fingerprint, secret.key_fingerprint());
    check_ciphertext(parameters, ciphertext);
    const std::size_t n = parameters.ring_dimension();
    Plaintext result{ciphertext.metadata(), ciphertext.components.back()};
    result.key_fingerprint.clear();
    parallel_for(result.polynomial.limbs(), [&](std::size_t i) {
        const Modulus& q = parameters.q(static_cast<int>(i)).modulus();
        std::uint64_t* out = result.polynomial.limb(i).data();
        for (std::size_t c = ciphertext.components.size() - 1; c-- > 0;) {
            kernels().multiply(out, out, secret.evaluations().limb(i).data(), n, q);
            kernels().add(out, out, ciphertext.components[c].limb(i).data(), n, q);
        }
    });
    return result;
}

}  // namespace polyformer::ckks
