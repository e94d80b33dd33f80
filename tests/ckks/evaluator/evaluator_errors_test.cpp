#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "polyformer/support/error.h"
#include "tests/ckks/evaluator/evaluator_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const Scheme& plain_scheme() {
    static const Scheme instance(small(10, 40, 3, 2), {1, 5}, 2);
    return instance;
}

class EvaluatorErrors : public ::testing::Test {
  protected:
    const Evaluator& evaluator() const { return plain_scheme().evaluator; }
    Ciphertext encrypt(int level) const { return plain_scheme().encrypt(values_, level); }
    std::vector<Complex> values_ = random_values(512, 1);
};

TEST_F(EvaluatorErrors, LevelsAndScalesThatDifferAreNamed) {
    EXPECT_THAT([&] { evaluator().add(encrypt(1), encrypt(3)); },
                ThrowsMessage<Error>(AllOf(HasSubstr("levels 1 (scale 2^"), HasSubstr("and 3 (scale 2^40.0000)"))));
    EXPECT_THAT([&] { evaluator().multiply(encrypt(1), encrypt(2)); }, ThrowsMessage<Error>(HasSubstr("adjust()")));
    const Ciphertext product = evaluator().multiply(encrypt(2), encrypt(2));
    EXPECT_THAT([&] { evaluator().subtract(product, encrypt(2)); },
                ThrowsMessage<Error>(AllOf(HasSubstr("2^80"), HasSubstr("2^40"), HasSubstr("rescale()"))));
    const Encoder& encoder = evaluator().encoder();
    EXPECT_THAT([&] { evaluator().add(encrypt(2), encoder.encode(values_, 2, 0x1p39)); },
                ThrowsMessage<Error>(HasSubstr("2^39")));
    EXPECT_THAT([&] { evaluator().multiply(encrypt(2), encoder.encode(values_, 1, 0x1p40)); },
                ThrowsMessage<Error>(HasSubstr("plaintext at level 1")));
    Plaintext foreign = encoder.encode(values_, 2, 0x1p40);
    foreign.polynomial = RnsPolynomial(16, 3);
    EXPECT_THAT([&] { evaluator().add(encrypt(2), foreign); }, ThrowsMessage<Error>(HasSubstr("16")));
}

TEST_F(EvaluatorErrors, LevelsRunOut) {
    EXPECT_THAT([&] { evaluator().rescale(encrypt(0)); }, ThrowsMessage<Error>(HasSubstr("level 0")));
    EXPECT_THAT([&] { evaluator().drop_to_level(encrypt(1), 2); }, ThrowsMessage<Error>(HasSubstr("level 1")));
    EXPECT_THAT([&] { evaluator().adjust(encrypt(1), 2); }, ThrowsMessage<Error>(HasSubstr("level 2")));
    const Ciphertext product = evaluator().multiply(encrypt(2), encrypt(2));
    EXPECT_THAT([&] { evaluator().adjust(product, 2); }, ThrowsMessage<Error>(HasSubstr("constant product")));
    EXPECT_THAT([&] { evaluator().adjust(product, 1); }, ThrowsMessage<Error>(HasSubstr("rescale()")));
}

TEST_F(EvaluatorErrors, KeysThatAreMissingOrTooLow) {
    EXPECT_THAT([&] { evaluator().rotate(encrypt(2), 3); },
                ThrowsMessage<Error>(AllOf(HasSubstr("rotation by 3"), HasSubstr("level 2"))));
    EXPECT_THAT(
        [&] { evaluator().rotate(encrypt(3), 5); },
        ThrowsMessage<Error>(AllOf(HasSubstr("rotation by 5"), HasSubstr("reaches level 2"), HasSubstr("level 3"))));
    EXPECT_THAT([&] { evaluator().rotate(evaluator().hoist(encrypt(2)), -1); },
                ThrowsMessage<Error>(HasSubstr("rotation by -1")));
    EXPECT_THAT([&] { evaluator().conjugate(encrypt(3)); }, ThrowsMessage<Error>(HasSubstr("conjugation")));
    EXPECT_THAT([&] { evaluator().square(encrypt(3)); }, ThrowsMessage<Error>(HasSubstr("relinearisation")));
    EXPECT_THAT([&] { evaluator().switch_key(encrypt(3), *plain_scheme().keys->relinearisation); },
                ThrowsMessage<Error>(HasSubstr("level 3")));
    EXPECT_THAT([&] { evaluator().rotate(evaluator().multiply_lazily(encrypt(2), encrypt(2)), 1); },
                ThrowsMessage<Error>(HasSubstr("relinearise()")));
}

/// Each would be read beyond its end, were it used.
TEST_F(EvaluatorErrors, KeysOfAnotherShapeAreNeverUsed) {
    const Scheme& scheme = plain_scheme();
    const Ciphertext a = encrypt(2);
    struct Change {
        const char* message;
        std::function<void(SwitchingKey&)> make;
    };
    const std::vector<int> bits = scheme.parameters.row_bits(2, 2);
    std::vector<int> other_bits = bits;
    ++other_bits.back();
    const auto zeros = [](std::size_t ring_dimension, const std::vector<int>& of_rows) {
        return PackedRows(ring_dimension, of_rows, [](std::size_t, auto) {});
    };
    const PackedRows row = zeros(1024, scheme.parameters.row_bits(2, 1));
    for (const Change& change : std::vector<Change>{
             {"1 special primes and digits of 1 limbs, but a key of its role has",
              [&](SwitchingKey& key) {
                  key = {2, 1, 1, {}, {row, row, row}};
              }},
             {"digits of 1 limbs, but a key of its role has",
              [&](SwitchingKey& key) {
                  key = {2, 2, 1, {}, std::vector(3, zeros(1024, bits))};
              }},
             {"3 special primes", [](SwitchingKey& key) { key.special = 3; }},
             {"digits of 0 limbs", [](SwitchingKey& key) { key.digit_limbs = 0; }},
             {"level 9", [](SwitchingKey& key) { key.level = 9; }},
             {"has 1 digits, but needs 2", [](SwitchingKey& key) { key.b.pop_back(); }},
             {"a digit of 4 rows of 1024", [&](SwitchingKey& key) { key.b.back() = row; }},
             {"a digit of 5 rows of 512", [&](SwitchingKey& key) { key.b.back() = zeros(512, bits); }},
             {"in row 4, but needs", [&](SwitchingKey& key) { key.b.back() = zeros(1024, other_bits); }},
         }) {
        auto changed = std::make_shared<EvaluationKeys>();
        changed->key_fingerprint = scheme.keys->key_fingerprint;
        changed->parameters_fingerprint = scheme.keys->parameters_fingerprint;
        for (const KeyId id :
             {KeyId{KeyRole::relinearisation}, KeyId{KeyRole::conjugation}, KeyId{KeyRole::rotation, 1}}) {
            const SwitchingKey& sound = *scheme.keys->find(id);
            SwitchingKey& key = changed->emplace(id);
            key = {sound.level, sound.special, sound.digit_limbs, sound.seed, {}};
            for (const PackedRows& digit : sound.b) key.b.push_back(digit);
            change.make(key);
        }
        const Evaluator evaluator(scheme.parameters, changed);
        const auto refused = ThrowsMessage<Error>(HasSubstr(change.message));
        EXPECT_THAT([&] { evaluator.rotate(a, 1); }, refused);
        EXPECT_THAT([&] { evaluator.rotate(evaluator.hoist(a), 1); }, refused);
        EXPECT_THAT([&] { evaluator.rotate_extended(std::span(&a, 1), 1); }, refused);
        EXPECT_THAT([&] { evaluator.conjugate(a); }, refused);
        EXPECT_THAT([&] { evaluator.square(a); }, refused);
    }
    SwitchingKey empty{2, 2, 2, {}, {}};
    EXPECT_THAT([&] { evaluator().switch_key(a, empty); }, ThrowsMessage<Error>(HasSubstr("has 0 digits")));
}

TEST_F(EvaluatorErrors, HoistedAndExtendedValuesWithoutTheirRows) {
    HoistedCiphertext hoisted = evaluator().hoist(encrypt(2));
    hoisted.digits.pop_back();
    EXPECT_THAT([&] { evaluator().rotate(hoisted, 1); }, ThrowsMessage<Error>(HasSubstr("has 1 digits instead of 2")));
    const Ciphertext a = encrypt(2);
    ExtendedCiphertext extended = std::move(evaluator().rotate_extended(std::span(&a, 1), 1).front());
    extended.components[1] = RnsPolynomial(1024, 3);
    EXPECT_THAT([&] { evaluator().divide_by_special(extended); },
                ThrowsMessage<Error>(HasSubstr("level 2 has 3 limbs of ring dimension 1024")));
    SeededCiphertext seeded;
    seeded.level = 2;
    seeded.b = RnsPolynomial(1024, 2);
    EXPECT_THAT([&] { expand(plain_scheme().parameters, seeded); }, ThrowsMessage<Error>(HasSubstr("2 limbs")));
    const RnsPolynomial rows(1024, 2);
    EXPECT_THAT([&] { rows.limb(2); }, ThrowsMessage<Error>(HasSubstr("row 2 of a polynomial of 2 rows")));
}

TEST_F(EvaluatorErrors, KeySetsDoNotMix) {
    const Scheme other(small(10, 40, 3, 2), {1}, 2);
    const Ciphertext a = encrypt(2);
    const Ciphertext b = other.encrypt(values_, 2);
    EXPECT_THAT([&] { evaluator().add(a, b); },
                ThrowsMessage<Error>(
                    AllOf(HasSubstr(a.key_fingerprint.substr(0, 12)), HasSubstr(b.key_fingerprint.substr(0, 12)))));
    EXPECT_THAT([&] { evaluator().multiply(a, b); }, ThrowsMessage<Error>(HasSubstr("key set")));
    EXPECT_THAT([&] { evaluator().rotate(b, 1); }, ThrowsMessage<Error>(HasSubstr("key set")));
    EXPECT_THAT([&] { evaluator().conjugate(b); }, ThrowsMessage<Error>(HasSubstr("key set")));
    EXPECT_THAT([&] { evaluator().square(b); }, ThrowsMessage<Error>(HasSubstr("key set")));
    EXPECT_THAT([&] { evaluator().rotate(evaluator().hoist(b), 1); }, ThrowsMessage<Error>(HasSubstr("key set")));
    EXPECT_THAT([&] { Evaluator(Parameters::create(small(10, 40, 4, 2)), plain_scheme().keys); },
                ThrowsMessage<Error>(HasSubstr(plain_scheme().parameters.fingerprint())));
    EXPECT_THAT([&] { Evaluator(plain_scheme().parameters, nullptr); },
                ThrowsMessage<Error>(HasSubstr("without keys")));
}

TEST_F(EvaluatorErrors, OtherNonsense) {
    EXPECT_THAT([&] { evaluator().sum_slots(encrypt(2), 3); }, ThrowsMessage<Error>(HasSubstr("not of 3")));
    EXPECT_THAT([&] { evaluator().inner_product({}, {}); }, ThrowsMessage<Error>(HasSubstr("0 and 0")));
    EXPECT_THAT([&] { evaluator().add_constant(encrypt(2), NAN); }, ThrowsMessage<Error>(HasSubstr("nan")));
    EXPECT_THAT([&] { evaluator().multiply_constant(encrypt(0), 1e30); }, ThrowsMessage<Error>(HasSubstr("overflows")));
    Ciphertext damaged = encrypt(2);
    damaged.components[0] = RnsPolynomial(plain_scheme().parameters.ring_dimension(), 2);
    EXPECT_THAT([&] { evaluator().negate(damaged); }, ThrowsMessage<Error>(HasSubstr("2 limbs")));
    damaged = encrypt(2);
    damaged.components.resize(1);
    EXPECT_THAT([&] { evaluator().negate(damaged); }, ThrowsMessage<Error>(HasSubstr("1 components")));
    damaged = encrypt(2);
    damaged.level = 40;
    EXPECT_THAT([&] { evaluator().negate(damaged); }, ThrowsMessage<Error>(HasSubstr("level 40")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
