#include "polyformer/ckks/client/secret_key.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "polyformer/ckks/arithmetic/integers.h"
#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/scheme/evaluator_checks.h"
#include "polyformer/ckks/scheme/key_switching.h"
#include "polyformer/support/error.h"
#include "polyformer/support/parallel.h"

namespace polyformer::ckks {

namespace {

const NttTables& row_tables(const Parameters& parameters, std::size_t row, std::size_t q_rows) {
    return row < q_rows ? parameters.q(static_cast<int>(row)) : parameters.p(static_cast<int>(row - q_rows));
}

void wipe(RnsPolynomial& polynomial) {
    for (std::size_t i = 0; i < polynomial.limbs(); ++i) {
        ckks::wipe(polynomial.limb(i).data(), polynomial.limb(i).size_bytes());
    }
}

/// A secret polynomial that is wiped when it goes out of scope.
class SecretPolynomial {
  public:
    /// Small coefficients as evaluations over q_0 .. q_level and `special` special primes.
    SecretPolynomial(const Parameters& parameters, std::span<const std::int8_t> coefficients, int level, int special)
        : rows_(RnsPolynomial::uninitialised(parameters.ring_dimension(),
                                             static_cast<std::size_t>(level + 1 + special))) {
        const auto q_rows = static_cast<std::size_t>(level) + 1;
        parallel_for(rows_.limbs(), [&](std::size_t row) {
            const NttTables& tables = row_tables(parameters, row, q_rows);
            const std::span<std::uint64_t> limb = rows_.limb(row);
            std::transform(coefficients.begin(), coefficients.end(), limb.begin(),
                           [&](std::int8_t c) { return small_residue(c, tables.modulus()); });
            kernels().forward_ntt(limb.data(), tables);
        });
    }
    explicit SecretPolynomial(RnsPolynomial rows) : rows_(std::move(rows)) {}
    ~SecretPolynomial() { wipe(rows_); }
    SecretPolynomial(const SecretPolynomial&) = delete;
    SecretPolynomial& operator=(const SecretPolynomial&) = delete;
    SecretPolynomial(SecretPolynomial&&) = delete;
    SecretPolynomial& operator=(SecretPolynomial&&) = delete;

    const RnsPolynomial& rows() const { return rows_; }
    RnsPolynomial release() { return std::move(rows_); }

  private:
    RnsPolynomial rows_;
};

/// A secret's evaluations as key generation needs them: over q_0 .. q_top, then p_0 ...
struct SecretView {
    const RnsPolynomial& rows;
    std::size_t q_rows;

    const std::uint64_t* q(std::size_t i) const { return rows.limb(i).data(); }
    const std::uint64_t* p(std::size_t j) const { return rows.limb(q_rows + j).data(); }
};

Seed random_seed() {
    require(sodium_init() >= 0, "libsodium could not be initialised: the system gives no randomness");
    Seed seed{};
    randombytes_buf(seed.data(), seed.size());
    return seed;
}

std::vector<std::int8_t> gaussian(std::size_t n) {
    std::vector<std::int8_t> error(n);
    sample_gaussian(error);
    return error;
}

/// A key from `source` to `target`; see SwitchingKey.
SwitchingKey make_switching_key(const Parameters& parameters, const SecretView& source, const SecretView& target,
                                int level, int special, int digit_limbs) {
    require(level >= 0 && level <= parameters.max_level(),
            "a switching key was asked for at level {}; levels are 0 to {}", level, parameters.max_level());
    const std::size_t n = parameters.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(special);
    const auto width = static_cast<std::size_t>(digit_limbs);
    SwitchingKey key;
    key.level = level;
    key.special = special;
    key.digit_limbs = digit_limbs;
    key.seed = random_seed();
    for (std::size_t first = 0; first < q_rows; first += width) key.b.push_back(RnsPolynomial::uninitialised(n, rows));
    for (std::size_t d = 0; d < key.b.size(); ++d) {
        std::vector<std::int8_t> error = gaussian(n);
        const WipeOnExit<std::int8_t> wiper(error);
        const SecretPolynomial noise(parameters, error, level, special);
        parallel_for(rows, [&](std::size_t row) {
            const Modulus& modulus = row_tables(parameters, row, q_rows).modulus();
            std::uint64_t* b = key.b[d].limb(row).data();
            const std::uint64_t* s = row < q_rows ? target.q(row) : target.p(row - q_rows);
            const bool is_special = row >= q_rows;
            key.a(parameters, d, is_special, is_special ? row - q_rows : row).next(key.b[d].limb(row));
            kernels().multiply(b, b, s, n, modulus);
            kernels().subtract(b, noise.rows().limb(row).data(), b, n, modulus);
            if (row / width == d && row < q_rows) {
                kernels().multiply_scalar_add(b, source.q(row), special_product(parameters, special, modulus), n,
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

/// From s to φ⁻¹(s): see evaluator_rotations.cpp.
SwitchingKey automorphism_key(const Parameters& parameters, const SecretKey& secret, std::uint64_t inverse_element,
                              int level) {
    const SecretPolynomial target(permuted(secret.evaluations(), inverse_element));
    const SecretView source = view(parameters, secret);
    const int width = parameters.special_count();
    return make_switching_key(parameters, source, {target.rows(), source.q_rows}, level, width, width);
}

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

void check_secret(const Parameters& parameters, const SecretKey& secret) {
    const auto rows = static_cast<std::size_t>(parameters.max_level() + 1 + parameters.special_count());
    require(
        secret.evaluations().ring_dimension() == parameters.ring_dimension() && secret.evaluations().limbs() == rows,
        "a secret key of {} limbs of ring dimension {} does not belong to parameters of {} limbs of ring dimension {}",
        secret.evaluations().limbs(), secret.evaluations().ring_dimension(), rows, parameters.ring_dimension());
}

}  // namespace

SecretKey SecretKey::generate(const Parameters& parameters) {
    std::vector<std::int8_t> coefficients(parameters.ring_dimension());
    sample_ternary(coefficients);
    std::array<std::uint8_t, 32> name{};
    require(sodium_init() >= 0, "libsodium could not be initialised: the system gives no randomness");
    randombytes_buf(name.data(), name.size());
    return from_coefficients(parameters, std::move(coefficients), fmt::format("{:02x}", fmt::join(name, "")));
}

SecretKey SecretKey::from_coefficients(const Parameters& parameters, std::vector<std::int8_t> coefficients,
                                       std::string key_fingerprint) {
    SecretKey key;
    key.coefficients_ = std::move(coefficients);
    key.key_fingerprint_ = std::move(key_fingerprint);
    require<FormatError>(key.coefficients_.size() == parameters.ring_dimension(),
                         "a secret key of {} coefficients does not belong to parameters of ring dimension {}",
                         key.coefficients_.size(), parameters.ring_dimension());
    require<FormatError>(std::ranges::all_of(key.coefficients_, [](std::int8_t c) { return c >= -1 && c <= 1; }),
                         "a secret key has a coefficient other than -1, 0 and 1: the file is damaged");
    key.evaluations_ =
        SecretPolynomial(parameters, key.coefficients_, parameters.max_level(), parameters.special_count()).release();
    return key;
}

SecretKey::~SecretKey() {
    ckks::wipe(coefficients_.data(), coefficients_.size());
    wipe(evaluations_);
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
    // The old secret goes with `other`, whose destructor wipes it.
    std::swap(coefficients_, other.coefficients_);
    std::swap(evaluations_, other.evaluations_);
    std::swap(key_fingerprint_, other.key_fingerprint_);
    return *this;
}

KeyGenerator::KeyGenerator(Parameters parameters, const SecretKey& secret)
    : parameters_(std::move(parameters)), secret_(&secret) {
    check_secret(parameters_, secret);
}

PublicKey KeyGenerator::public_key() const {
    Plaintext zero;
    zero.level = parameters_.working_level();
    zero.polynomial = RnsPolynomial(parameters_.ring_dimension(), static_cast<std::size_t>(zero.level) + 1);
    const SeededCiphertext seeded = encrypt_seeded(parameters_, *secret_, zero, parameters_.slots());
    Ciphertext expanded = expand(parameters_, seeded);
    return {seeded.seed, std::move(expanded.components[0]), std::move(expanded.components[1]),
            secret_->key_fingerprint(), parameters_.fingerprint()};
}

SwitchingKey KeyGenerator::relinearisation_key(int level) const {
    const RnsPolynomial& s = secret_->evaluations();
    const auto q_rows = static_cast<std::size_t>(parameters_.max_level()) + 1;
    RnsPolynomial product = RnsPolynomial::uninitialised(s.ring_dimension(), q_rows);
    for (std::size_t i = 0; i < q_rows; ++i) {
        kernels().multiply(product.limb(i).data(), s.limb(i).data(), s.limb(i).data(), s.ring_dimension(),
                           parameters_.q(static_cast<int>(i)).modulus());
    }
    const SecretPolynomial square(std::move(product));
    const int width = parameters_.special_count();
    return make_switching_key(parameters_, {square.rows(), q_rows}, view(parameters_, *secret_), level, width, width);
}

SwitchingKey KeyGenerator::rotation_key(int step, int level) const {
    return automorphism_key(parameters_, *secret_, rotation_galois_element(parameters_.ring_dimension(), -step), level);
}

SwitchingKey KeyGenerator::conjugation_key(int level) const {
    // Conjugation is its own inverse.
    return automorphism_key(parameters_, *secret_, conjugation_galois_element(parameters_.ring_dimension()), level);
}

EvaluationKeys KeyGenerator::evaluation_keys(const KeyRequest& request,
                                             const std::function<void(std::size_t, std::size_t)>& progress) const {
    const std::size_t total = static_cast<std::size_t>(request.relinearisation) +
                              static_cast<std::size_t>(request.conjugation) + (request.bootstrapping ? 2U : 0U) +
                              request.rotation_levels.size();
    std::size_t done = 0;
    const auto step_done = [&] {
        ++done;
        if (progress) progress(done, total);
    };
    EvaluationKeys keys;
    keys.key_fingerprint = secret_->key_fingerprint();
    keys.parameters_fingerprint = parameters_.fingerprint();
    if (request.relinearisation) {
        keys.relinearisation = relinearisation_key(request.relinearisation_level);
        step_done();
    }
    if (request.conjugation) {
        keys.conjugation = conjugation_key(request.conjugation_level);
        step_done();
    }
    if (request.bootstrapping) {
        require(parameters_.can_bootstrap(),
                "bootstrapping keys were asked for, but these parameters have no bootstrapping levels");
        const int top = parameters_.max_level();
        const int width = parameters_.special_count();
        std::vector<std::int8_t> coefficients(parameters_.ring_dimension());
        const WipeOnExit<std::int8_t> wiper(coefficients);
        sample_sparse_ternary(coefficients,
                              static_cast<std::size_t>(parameters_.literal().bootstrapping->ephemeral_secret_weight));
        const SecretPolynomial ephemeral(parameters_, coefficients, top, width);
        const SecretView sparse{ephemeral.rows(), static_cast<std::size_t>(top) + 1};
        const SecretView dense = view(parameters_, *secret_);
        // Under the sparse secret nothing is ever published beyond q_0·p_0: that is what keeps it safe.
        keys.dense_to_sparse = make_switching_key(parameters_, dense, sparse, 0, 1, 1);
        step_done();
        keys.sparse_to_dense = make_switching_key(parameters_, sparse, dense, top, width, width);
        step_done();
    }
    for (const auto& [step, level] : request.rotation_levels) {
        keys.rotations.emplace(step, rotation_key(step, level));
        step_done();
    }
    return keys;
}

SeededCiphertext encrypt_seeded(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext,
                                std::size_t slots) {
    check_secret(parameters, secret);
    check_plaintext(parameters, plaintext, parameters.max_level());
    const std::size_t n = parameters.ring_dimension();
    SeededCiphertext result;
    result.seed = random_seed();
    result.level = plaintext.level;
    result.scale = plaintext.scale;
    result.slots = slots;
    result.key_fingerprint = secret.key_fingerprint();
    result.b = RnsPolynomial::uninitialised(n, plaintext.polynomial.limbs());
    std::vector<std::int8_t> error = gaussian(n);
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

Ciphertext encrypt(const Parameters& parameters, const SecretKey& secret, const Plaintext& plaintext,
                   std::size_t slots) {
    return expand(parameters, encrypt_seeded(parameters, secret, plaintext, slots));
}

Ciphertext encrypt(const Parameters& parameters, const PublicKey& key, const Plaintext& plaintext, std::size_t slots) {
    require(key.parameters_fingerprint == parameters.fingerprint(),
            "the public key belongs to the parameter set {}, not to {}", key.parameters_fingerprint,
            parameters.fingerprint());
    check_plaintext(parameters, plaintext, parameters.working_level());
    const std::size_t n = parameters.ring_dimension();
    std::vector<std::int8_t> small(n);
    const WipeOnExit<std::int8_t> wiper(small);
    sample_ternary(small);
    const SecretPolynomial mask(parameters, small, plaintext.level, 0);

    Ciphertext result;
    result.level = plaintext.level;
    result.scale = plaintext.scale;
    result.slots = slots;
    result.key_fingerprint = key.key_fingerprint;
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
    Plaintext result;
    result.level = ciphertext.level;
    result.scale = ciphertext.scale;
    result.polynomial = ciphertext.components.back();
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
