#include "polyformer/ckks/client/key_generator.h"

#include <optional>
#include <utility>
#include <vector>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/client/secret_polynomial.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// A secret's evaluations as key generation needs them: over q_0 .. q_top, then p_0 ...
struct SecretView {
    const RnsPolynomial& rows;
    std::size_t q_rows;

    const std::uint64_t* q(std::size_t i) const { return rows.limb(i).data(); }
    const std::uint64_t* p(std::size_t j) const { return rows.limb(q_rows + j).data(); }
};

/// A key from `source` to `target`; see SwitchingKey.
SwitchingKey make_switching_key(const Parameters& parameters, const SecretView& source, const SecretView& target,
                                const KeyShape& shape) {
    const int level = shape.level;
    require(level >= 0 && level <= parameters.max_level(),
            "a switching key was asked for at level {}; levels are 0 to {}", level, parameters.max_level());
    const std::size_t n = parameters.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const auto width = static_cast<std::size_t>(shape.digit_limbs);
    SwitchingKey key{level, shape.special, shape.digit_limbs, random_seed(), {}};
    const std::vector<int> bits = parameters.row_bits(level, shape.special);
    for (std::size_t d = 0; d < static_cast<std::size_t>(shape.digits()); ++d) {
        std::vector<std::int8_t> error = gaussian_error(n);
        const WipeOnExit<std::int8_t> wiper(error);
        const SecretPolynomial noise(parameters, error, level, shape.special);
        key.b.emplace_back(n, bits, [&](std::size_t row, std::span<std::uint64_t> residues) {
            const Modulus& modulus = parameters.row(level, row).modulus();
            std::uint64_t* b = residues.data();
            const std::uint64_t* s = row < q_rows ? target.q(row) : target.p(row - q_rows);
            const bool is_special = row >= q_rows;
            key.a(parameters, d, is_special, is_special ? row - q_rows : row).next(residues);
            kernels().multiply(b, b, s, n, modulus);
            kernels().subtract(b, noise.rows().limb(row).data(), b, n, modulus);
            if (row / width == d && row < q_rows) {
                kernels().multiply_scalar_add(b, source.q(row), parameters.special_product(shape.special, modulus), n,
                                              modulus);
            }
        });
    }
    return key;
}

SecretView view(const Parameters& parameters, const SecretKey& secret) {
    return {secret.evaluations(), static_cast<std::size_t>(parameters.max_level()) + 1};
}

/// s(X^g), to be wiped by the caller's SecretPolynomial.
RnsPolynomial permuted(const RnsPolynomial& secret, std::uint64_t galois_element) {
    const Permutation permutation = evaluation_permutation(secret.ring_dimension(), galois_element);
    RnsPolynomial result = RnsPolynomial::uninitialised(secret.ring_dimension(), secret.limbs());
    parallel_for(secret.limbs(), [&](std::size_t i) {
        kernels().permute(result.limb(i).data(), secret.limb(i).data(), permutation.data(), secret.ring_dimension());
    });
    return result;
}

/// From s² to s.
SwitchingKey relinearisation_key(const Parameters& parameters, const SecretKey& secret, const KeyShape& shape) {
    const SecretView s = view(parameters, secret);
    RnsPolynomial product = RnsPolynomial::uninitialised(parameters.ring_dimension(), s.q_rows);
    for (std::size_t i = 0; i < s.q_rows; ++i) {
        kernels().multiply(product.limb(i).data(), s.q(i), s.q(i), parameters.ring_dimension(),
                           parameters.row(parameters.max_level(), i).modulus());
    }
    const SecretPolynomial square(std::move(product));
    return make_switching_key(parameters, {square.rows(), s.q_rows}, s, shape);
}

/// From s to φ⁻¹(s): see rotator.cpp.
SwitchingKey automorphism_key(const Parameters& parameters, const SecretKey& secret, std::uint64_t inverse_element,
                              const KeyShape& shape) {
    const SecretPolynomial target(permuted(secret.evaluations(), inverse_element));
    const SecretView source = view(parameters, secret);
    return make_switching_key(parameters, source, {target.rows(), source.q_rows}, shape);
}

/// From φ(the sparse secret) to the dense one: what it multiplies has gone through φ already.
SwitchingKey raised_key(const Parameters& parameters, const SecretView& sparse, const SecretView& dense,
                        const KeyShape& shape) {
    if (shape.id.step == 0) return make_switching_key(parameters, sparse, dense, shape);
    const SecretPolynomial source(
        permuted(sparse.rows, rotation_galois_element(parameters.ring_dimension(), shape.id.step)));
    return make_switching_key(parameters, {source.rows(), sparse.q_rows}, dense, shape);
}

/// The sparse secret that bootstrapping's keys lead to and from (ePrint 2022/024).
void emplace_ephemeral(std::optional<SecretPolynomial>& secret, const Parameters& parameters) {
    std::vector<std::int8_t> coefficients(parameters.ring_dimension());
    const WipeOnExit<std::int8_t> wiper(coefficients);
    sample_sparse_ternary(coefficients,
                          static_cast<std::size_t>(parameters.literal().bootstrapping->ephemeral_secret_weight));
    secret.emplace(parameters, coefficients, parameters.max_level(), parameters.special_count());
}

}  // namespace

KeyGenerator::KeyGenerator(Parameters parameters, const SecretKey& secret)
    : parameters_(std::move(parameters)), secret_(&secret) {
    check_secret(parameters_, secret);
}

PublicKey KeyGenerator::public_key() const {
    Plaintext zero;
    zero.level = parameters_.working_level();
    zero.polynomial = RnsPolynomial(parameters_.ring_dimension(), static_cast<std::size_t>(zero.level) + 1);
    const SeededCiphertext seeded = encrypt_seeded(parameters_, *secret_, zero);
    Ciphertext expanded = expand(parameters_, seeded);
    return {seeded.seed, std::move(expanded.components[0]), std::move(expanded.components[1]),
            secret_->key_fingerprint(), parameters_.fingerprint()};
}

void KeyGenerator::generate(const KeyRequest& request, const std::function<void(KeyId, SwitchingKey)>& take) const {
    const std::size_t n = parameters_.ring_dimension();
    const SecretView dense = view(parameters_, *secret_);
    std::optional<SecretPolynomial> ephemeral;
    const auto key_of = [&](const KeyShape& shape) {
        switch (shape.id.role) {
            case KeyRole::relinearisation:
                return relinearisation_key(parameters_, *secret_, shape);
            case KeyRole::conjugation:  // its own inverse
                return automorphism_key(parameters_, *secret_, conjugation_galois_element(n), shape);
            case KeyRole::dense_to_sparse:  // comes first, and sparse_to_dense with it
                emplace_ephemeral(ephemeral, parameters_);
                return make_switching_key(parameters_, dense, {ephemeral->rows(), dense.q_rows}, shape);
            case KeyRole::sparse_to_dense:
                return raised_key(parameters_, {ephemeral->rows(), dense.q_rows}, dense, shape);
            case KeyRole::rotation:
            case KeyRole::low_rotation:
                break;
        }
        return automorphism_key(parameters_, *secret_, rotation_galois_element(n, -shape.id.step), shape);
    };
    for (const KeyShape& shape : request.keys(parameters_)) take(shape.id, key_of(shape));
}

EvaluationKeys KeyGenerator::evaluation_keys(const KeyRequest& request,
                                             const std::function<void(std::size_t, std::size_t)>& progress) const {
    const std::size_t total = request.keys(parameters_).size();
    std::size_t done = 0;
    EvaluationKeys keys;
    keys.key_fingerprint = secret_->key_fingerprint();
    keys.parameters_fingerprint = parameters_.fingerprint();
    generate(request, [&](KeyId id, SwitchingKey key) {
        keys.emplace(id) = std::move(key);
        ++done;
        if (progress) progress(done, total);
    });
    return keys;
}

}  // namespace polyformer::ckks
