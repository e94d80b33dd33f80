#include "polyformer/ckks/client/encryption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "tests/ckks/scheme/scheme_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const Scheme& scheme() {
    static const Scheme instance(presets::insecure_bootstrapping(1 << 12), {1, 7}, 5);
    return instance;
}

Plaintext encode(std::size_t slots, int level) {
    return scheme().evaluator.encoder().encode(random_values(slots, 11), level, scheme().parameters.scale(level));
}

/// What decryption adds to the plaintext, coefficient by coefficient.
std::vector<double> noise(const Ciphertext& ciphertext, const Plaintext& plaintext) {
    const NttTables& tables = scheme().parameters.q(0);
    Plaintext decrypted = decrypt(scheme().parameters, scheme().secret, ciphertext);
    std::uint64_t* row = decrypted.polynomial.limb(0).data();
    kernels().subtract(row, row, plaintext.polynomial.limb(0).data(), tables.ring_dimension(), tables.modulus());
    kernels().inverse_ntt(row, tables);
    std::vector<double> result;
    for (std::size_t i = 0; i < tables.ring_dimension(); ++i) {
        result.push_back(static_cast<double>(tables.modulus().centered(row[i])));
    }
    return result;
}

double deviation(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST(Encryption, SymmetricNoiseIsTheErrorItself) {
    const Plaintext plaintext = encode(2048, 18);
    const auto errors = noise(encrypt(scheme().parameters, scheme().secret, plaintext), plaintext);
    // The variance's relative deviation is √(2/N) = 2.2 %.
    EXPECT_NEAR(deviation(errors), kErrorDeviation, 0.085 * kErrorDeviation);
    for (const double error : errors) EXPECT_LE(std::abs(error), 30);
}

TEST(Encryption, PublicNoiseIsAsTheoryPredicts) {
    const PublicKey key = KeyGenerator(scheme().parameters, scheme().secret).public_key();
    const Plaintext plaintext = encode(2048, 18);
    const auto errors = noise(encrypt(scheme().parameters, key, plaintext), plaintext);
    // v·e + e_0 + s·e_1 with ternary v and s: variance σ²(1 + 4N/3), known to √(4/N) = 3 %.
    const double expected = kErrorDeviation * std::sqrt(1 + 4.0 * 4096 / 3);
    EXPECT_NEAR(deviation(errors) / expected, 1, 0.16);
}

TEST(Encryption, ASeedStandsForTheUniformHalf) {
    const Plaintext plaintext = encode(64, 4);
    const SeededCiphertext seeded = encrypt_seeded(scheme().parameters, scheme().secret, plaintext);
    const Ciphertext first = expand(scheme().parameters, seeded);
    const Ciphertext second = expand(scheme().parameters, seeded);
    EXPECT_EQ(first.slots, 64);
    EXPECT_EQ(first.level, 4);
    EXPECT_EQ(first.bytes(), 2 * seeded.b.bytes());
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_TRUE(std::ranges::equal(first.components[1].limb(i), second.components[1].limb(i)));
        EXPECT_FALSE(std::ranges::equal(first.components[0].limb(i), first.components[1].limb(i)));
    }
    EXPECT_GT(precision_bits(scheme().decrypt(first), random_values(64, 11)), 28);
}

TEST(Encryption, IsRandomised) {
    const Plaintext plaintext = encode(64, 0);
    const Ciphertext a = encrypt(scheme().parameters, scheme().secret, plaintext);
    const Ciphertext b = encrypt(scheme().parameters, scheme().secret, plaintext);
    EXPECT_FALSE(std::ranges::equal(a.components[0].limb(0), b.components[0].limb(0)));
    EXPECT_FALSE(std::ranges::equal(a.components[1].limb(0), b.components[1].limb(0)));
}

TEST(Encryption, ThreeComponentsDecrypt) {
    const auto x = random_values(2048, 12);
    const Ciphertext a = scheme().encrypt(x, 5);
    const Ciphertext product = scheme().evaluator.multiply_lazily(a, a);
    ASSERT_EQ(product.components.size(), 3);
    EXPECT_GT(precision_bits(scheme().decrypt(product), slotwise(x, [&](std::size_t i) { return x[i] * x[i]; })), 27);
}

TEST(Encryption, EncapsulationKeysLeadThereAndBack) {
    const auto x = random_values(2048, 13);
    const Ciphertext a = scheme().encrypt(x, 0);
    const Ciphertext sparse = scheme().evaluator.switch_key(a, *scheme().keys->dense_to_sparse);
    EXPECT_LT(precision_bits(scheme().decrypt(sparse), x), 0);  // the dense secret does not fit any more
    const Ciphertext dense = scheme().evaluator.switch_key(sparse, scheme().keys->sparse_to_dense.at(0));
    EXPECT_GT(precision_bits(scheme().decrypt(dense), x), 22);
    EXPECT_EQ(scheme().keys->dense_to_sparse->b.front().limbs(), 2);  // q_0 and p_0, no more
}

TEST(Keys, TakeTheBytesThatTheRequestSays) {
    EXPECT_EQ(scheme().request.memory_bytes(scheme().parameters), scheme().keys->bytes());
}

TEST(Keys, RequestsMergeToTheHigherLevel) {
    const Parameters& parameters = scheme().parameters;
    KeyRequest a;
    EXPECT_TRUE(a.keys(parameters).empty());
    a.add_relinearisation(parameters, 3);
    a.add_rotation(parameters, 1, 4);
    a.add_rotation(parameters, 1, 2);
    a.add_rotation(parameters, 0, 9);
    a.add_rotation(parameters, -1, 5);
    a.add_rotation(parameters, 2049, 6);  // the same as 1
    KeyRequest b;
    b.add_conjugation(parameters, 7);
    b.add_rotation(parameters, 3, 8);
    b.add_rotation(parameters, 2047, 1);
    a.merge(b);
    EXPECT_EQ(a.relinearisation_level, 3);
    EXPECT_EQ(a.conjugation_level, 7);
    EXPECT_EQ(a.rotation_levels, (std::map<int, int>{{1, 6}, {3, 8}, {2047, 5}}));
    b.add_relinearisation(parameters, 9);
    a.merge(b);
    EXPECT_EQ(a.relinearisation_level, 9);
    EXPECT_THAT([&] { a.add_rotation(parameters, 1, 31); }, ThrowsMessage<Error>(HasSubstr("level 31")));
    EXPECT_THAT([&] { a.add_relinearisation(parameters, -1); }, ThrowsMessage<Error>(HasSubstr("level -1")));
    EXPECT_THAT([&] { a.add_conjugation(parameters, 31); },
                ThrowsMessage<Error>(HasSubstr("conjugation key at level 31")));
}

// Modulo the special primes the gadget is zero, so b + a·s is the error alone.
TEST(Keys, HideOnlyASmallErrorWithTheirUniformHalf) {
    const Parameters& parameters = scheme().parameters;
    const SwitchingKey& key = *scheme().keys->relinearisation;
    const RnsPolynomial& secret = scheme().secret.evaluations();
    const std::size_t n = parameters.ring_dimension();
    for (std::size_t digit = 0; digit < key.b.size(); ++digit) {
        for (int j = 0; j < key.special; ++j) {
            const NttTables& tables = parameters.p(j);
            const Modulus& p = tables.modulus();
            AlignedWords sum(n);
            key.a(parameters, digit, true, static_cast<std::size_t>(j)).next(sum);
            const auto row = static_cast<std::size_t>(key.level + 1 + j);
            const auto secret_row = static_cast<std::size_t>(parameters.max_level() + 1 + j);
            kernels().multiply(sum.data(), sum.data(), secret.limb(secret_row).data(), n, p);
            AlignedWords b(n);
            key.b[digit].unpack(row, 0, b);
            kernels().add(sum.data(), sum.data(), b.data(), n, p);
            kernels().inverse_ntt(sum.data(), tables);
            for (const std::uint64_t residue : sum) ASSERT_LT(std::abs(p.centered(residue)), 64);
        }
    }
}

TEST(Keys, GenerationReportsProgress) {
    std::vector<std::size_t> seen;
    KeyGenerator(scheme().parameters, scheme().secret)
        .evaluation_keys(scheme().request, [&](std::size_t done, std::size_t total) {
            seen.push_back(done);
            EXPECT_EQ(total, 6);
        });
    EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 3, 4, 5, 6}));
}

TEST(SecretKey, ComesBackFromItsCoefficients) {
    const auto stored = scheme().secret.coefficients();
    const SecretKey copy = SecretKey::from_coefficients(scheme().parameters, {stored.begin(), stored.end()},
                                                        scheme().secret.key_fingerprint());
    const auto x = random_values(2048, 14);
    const Plaintext plaintext = decrypt(scheme().parameters, copy, scheme().encrypt(x, 1));
    EXPECT_GT(precision_bits(scheme().evaluator.encoder().decode(plaintext, x.size()), x), 24);

    SecretKey moved = SecretKey::generate(scheme().parameters);
    moved = SecretKey::from_coefficients(scheme().parameters, {stored.begin(), stored.end()}, "name");
    EXPECT_TRUE(std::ranges::equal(moved.coefficients(), stored));
    EXPECT_EQ(moved.key_fingerprint(), "name");
}

TEST(SecretKey, RefusesDamagedCoefficients) {
    const std::size_t n = scheme().parameters.ring_dimension();
    std::vector<std::int8_t> damaged(n);
    damaged[17] = 2;
    EXPECT_THROW(SecretKey::from_coefficients(scheme().parameters, damaged, "name"), FormatError);
    EXPECT_THROW(SecretKey::from_coefficients(scheme().parameters, std::vector<std::int8_t>(n - 1), "name"),
                 FormatError);
}

TEST(Encryption, RefusesForeignMaterial) {
    const Parameters& parameters = scheme().parameters;
    const SecretKey other = SecretKey::generate(parameters);
    const Ciphertext a = scheme().encrypt(random_values(8, 15), 1);
    EXPECT_NE(other.key_fingerprint(), scheme().secret.key_fingerprint());
    EXPECT_THAT([&] { decrypt(parameters, other, a); },
                ThrowsMessage<Error>(AllOf(HasSubstr(a.key_fingerprint), HasSubstr(other.key_fingerprint()))));

    const Parameters smaller = Parameters::create(presets::insecure_bootstrapping(1 << 11));
    EXPECT_THAT([&] { decrypt(smaller, scheme().secret, a); }, ThrowsMessage<Error>(HasSubstr("ring dimension 2048")));
    EXPECT_THAT([&] { KeyGenerator(smaller, scheme().secret); },
                ThrowsMessage<Error>(HasSubstr("ring dimension 4096")));
    const PublicKey key = KeyGenerator(parameters, scheme().secret).public_key();
    EXPECT_THAT([&] { encrypt(smaller, key, encode(8, 1)); },
                ThrowsMessage<Error>(HasSubstr(parameters.fingerprint())));
    EXPECT_THAT([&] { encrypt(parameters, key, encode(8, 19)); }, ThrowsMessage<Error>(HasSubstr("level 19")));

    Ciphertext cut = a;
    cut.components[1] = RnsPolynomial(parameters.ring_dimension(), 1);
    EXPECT_THAT([&] { decrypt(parameters, scheme().secret, cut); }, ThrowsMessage<Error>(HasSubstr("1 limbs")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
