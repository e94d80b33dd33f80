#include "polyformer/ckks/scheme/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "tests/ckks/scheme/scheme_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<long> kRotations{1, 2, 3, 4, 5, 8, 16, 32, 64, -1, -7, 100};

struct Case {
    const char* name;
    ParametersLiteral literal;
    /// Bits of precision that fresh ciphertexts and one multiplication must have at least.
    double fresh_bits;
    double product_bits;

    friend std::ostream& operator<<(std::ostream& out, const Case& test_case) { return out << test_case.name; }
};

ParametersLiteral small(int log_dimension, int scale_bits, int levels, int special, int base_bits = 50) {
    ParametersLiteral literal;
    literal.ring_dimension = std::size_t{1} << log_dimension;
    literal.scale_bits = scale_bits;
    literal.base_prime_bits = base_bits;
    literal.working_levels = levels;
    literal.special_primes = special;
    literal.security = Security::insecure;
    return literal;
}

const Scheme& scheme_of(const Case& test_case) {
    static std::map<std::string, std::unique_ptr<const Scheme>> schemes;
    auto& scheme = schemes[test_case.name];
    if (scheme == nullptr) {
        scheme = std::make_unique<const Scheme>(test_case.literal, kRotations, test_case.literal.working_levels);
    }
    return *scheme;
}

class EvaluatorTest : public ::testing::TestWithParam<Case> {
  protected:
    const Scheme& scheme() const { return scheme_of(GetParam()); }
    const Evaluator& evaluator() const { return scheme().evaluator; }
    int top() const { return scheme().parameters.working_level(); }
    std::size_t slots() const { return scheme().parameters.slots(); }
    void expect_close(const Ciphertext& actual, std::span<const Complex> expected, double bits) const {
        EXPECT_GT(precision_bits(scheme().decrypt(actual), expected), bits);
    }
};

TEST_P(EvaluatorTest, AddsSubtractsNegates) {
    const auto x = random_values(slots(), 1);
    const auto y = random_values(slots(), 2);
    const Ciphertext a = scheme().encrypt(x, top());
    const Ciphertext b = scheme().encrypt(y, top());
    const double bits = GetParam().fresh_bits - 1;
    expect_close(evaluator().add(a, b), slotwise(x, [&](std::size_t i) { return x[i] + y[i]; }), bits);
    expect_close(evaluator().subtract(a, b), slotwise(x, [&](std::size_t i) { return x[i] - y[i]; }), bits);
    expect_close(evaluator().negate(a), slotwise(x, [&](std::size_t i) { return -x[i]; }), bits);
}

TEST_P(EvaluatorTest, MultipliesDownToTheLastLevelAtExactScales) {
    auto x = random_values(slots(), 3);
    Ciphertext a = scheme().encrypt(x, top());
    for (int level = top(); level > 0; --level) {
        const auto y = random_values(slots(), 100 + static_cast<unsigned>(level));
        a = evaluator().rescale(evaluator().multiply(a, scheme().encrypt(y, level)));
        for (std::size_t i = 0; i < x.size(); ++i) x[i] *= y[i];
        EXPECT_EQ(a.level, level - 1);
        EXPECT_EQ(a.scale, scheme().parameters.scale(level - 1));  // to the last bit
        expect_close(a, x, GetParam().product_bits - 2);
    }
}

TEST_P(EvaluatorTest, ProductNoiseIsAsTheoryPredicts) {
    const auto x = random_values(slots(), 20);
    const auto y = random_values(slots(), 21);
    const Ciphertext product =
        evaluator().rescale(evaluator().multiply(scheme().encrypt(x, top()), scheme().encrypt(y, top())));
    const auto expected = slotwise(x, [&](std::size_t i) { return x[i] * y[i]; });
    // A real part of a slot of a polynomial with coefficients of variance v has variance v·N/2. Both factors (mean
    // square 2/3) meet the other's error; rescaling rounds both components, one of which is multiplied by the ternary
    // secret. Key switching's share is divided by P and is negligible here.
    const auto n = static_cast<double>(scheme().parameters.ring_dimension());
    const double errors = 2 * (2.0 / 3) * 3.2 * 3.2 * n / 2;
    const double rounding = (1 + 2 * n / 3) / 12 * n / 2;
    const double predicted = std::sqrt(errors + rounding) / product.scale;
    const double measured = error_deviation(scheme().decrypt(product), expected);
    EXPECT_GT(measured, 0.5 * predicted);
    EXPECT_LT(measured, 2 * predicted);
}

TEST_P(EvaluatorTest, DividesByAllPrimesAtOnceAsOneAfterTheOther) {
    const auto x = random_values(slots(), 22);
    const auto y = random_values(slots(), 23);
    const Ciphertext a = scheme().encrypt(x, top());
    const Ciphertext b = scheme().encrypt(y, top());
    const auto n = static_cast<double>(scheme().parameters.ring_dimension());
    // The two roundings differ by less than one in each coefficient of both components: variance 1/12 at most 1/4 each.
    const auto expect_rounding_apart = [&](const Ciphertext& at_once, const Ciphertext& in_steps) {
        EXPECT_EQ(at_once.level, in_steps.level);
        EXPECT_EQ(at_once.scale, in_steps.scale);
        EXPECT_EQ(at_once.slots, in_steps.slots);
        ASSERT_EQ(at_once.components.size(), 2);
        const double bound = std::sqrt((1 + 2 * n / 3) / 4 * n / 2) / at_once.scale;
        EXPECT_LT(error_deviation(scheme().decrypt(at_once), scheme().decrypt(in_steps)), bound);
    };
    const Ciphertext product = evaluator().multiply(a, b);
    expect_rounding_apart(evaluator().multiply_and_rescale(a, b), evaluator().rescale(product));
    const Ciphertext high = evaluator().multiply_integer(evaluator().multiply_lazily(a, b), 1 << 15);
    if (top() >= 2) {
        expect_rounding_apart(evaluator().relinearise_and_rescale(high, 2),
                              evaluator().rescale(evaluator().rescale(evaluator().relinearise(high))));
        EXPECT_EQ(evaluator().rescale(product, 2).components[1].limb(0)[5],
                  evaluator().rescale(evaluator().rescale(product)).components[1].limb(0)[5]);
    }
    const ExtendedCiphertext rotated = evaluator().rotate_extended(evaluator().hoist(product), 1);
    expect_rounding_apart(evaluator().divide_by_special(rotated, &product, 1),
                          evaluator().rescale(evaluator().add(evaluator().divide_by_special(rotated), product)));
    EXPECT_THROW(evaluator().relinearise_and_rescale(high, top() + 1), Error);
    EXPECT_THROW(evaluator().rescale(a, -1), Error);
    EXPECT_THROW(evaluator().divide_by_special(rotated, &a), Error);  // another scale
}

TEST_P(EvaluatorTest, MultipliesByPlaintextsAndConstants) {
    const auto x = random_values(slots(), 5);
    const auto y = random_values(slots(), 6);
    const auto f = random_values(16, 7);
    const Encoder& encoder = evaluator().encoder();
    const double scale = scheme().parameters.scale(top());
    const Ciphertext a = scheme().encrypt(x, top());
    const double bits = GetParam().product_bits - 2;
    const auto check = [&](const Ciphertext& actual, const auto& function) {
        expect_close(actual, slotwise(x, function), bits);
    };
    const Plaintext plain = encoder.encode(y, top(), scale);
    const SubringPlaintext periodic = encoder.encode_periodic(f, top(), scale);
    check(evaluator().add(a, plain), [&](std::size_t i) { return x[i] + y[i]; });
    check(evaluator().add(a, periodic), [&](std::size_t i) { return x[i] + f[i % 16]; });
    check(evaluator().rescale(evaluator().multiply(a, plain)), [&](std::size_t i) { return x[i] * y[i]; });
    check(evaluator().rescale(evaluator().multiply(a, periodic)), [&](std::size_t i) { return x[i] * f[i % 16]; });
    const Complex constant(0.3, -1.7);
    check(evaluator().add_constant(a, constant), [&](std::size_t i) { return x[i] + constant; });
    const Ciphertext scaled = evaluator().rescale(evaluator().multiply_constant(a, constant));
    EXPECT_EQ(scaled.scale, scheme().parameters.scale(top() - 1));
    check(scaled, [&](std::size_t i) { return x[i] * constant; });
    check(evaluator().multiply_constant(a, -0.5, 0x1p25), [&](std::size_t i) { return x[i] * -0.5; });
    const Ciphertext tripled = evaluator().multiply_integer(a, -3);
    EXPECT_EQ(tripled.scale, a.scale);
    check(tripled, [&](std::size_t i) { return x[i] * -3.0; });
    const Ciphertext turned = evaluator().multiply_by_i(a);
    EXPECT_EQ(turned.scale, a.scale);
    check(turned, [&](std::size_t i) { return x[i] * Complex(0, 1); });
    check(evaluator().rescale(evaluator().square(a)), [&](std::size_t i) { return x[i] * x[i]; });
}

TEST_P(EvaluatorTest, TakesPlaintextsOfHigherLevels) {
    const auto x = random_values(slots(), 8);
    const Plaintext plain = evaluator().encoder().encode(x, top(), scheme().parameters.scale(1));
    expect_close(evaluator().add(scheme().encrypt(x, 1), plain), slotwise(x, [&](std::size_t i) { return 2.0 * x[i]; }),
                 GetParam().fresh_bits - 1);
}

TEST_P(EvaluatorTest, InnerProductsRelineariseOnce) {
    std::vector<Ciphertext> a;
    std::vector<Ciphertext> b;
    std::vector<Complex> expected(slots());
    for (unsigned k = 0; k < 5; ++k) {
        const auto x = random_values(slots(), 30 + k);
        const auto y = random_values(slots(), 40 + k);
        a.push_back(scheme().encrypt(x, top()));
        b.push_back(scheme().encrypt(y, top()));
        for (std::size_t i = 0; i < slots(); ++i) expected[i] += x[i] * y[i];
    }
    expect_close(evaluator().rescale(evaluator().inner_product(a, b)), expected, GetParam().product_bits - 3);
    // Lazy products add up to the same.
    Ciphertext sum = evaluator().multiply_lazily(a[0], b[0]);
    for (std::size_t k = 1; k < a.size(); ++k) sum = evaluator().add(sum, evaluator().multiply_lazily(a[k], b[k]));
    EXPECT_EQ(sum.components.size(), 3);
    expect_close(evaluator().rescale(evaluator().relinearise(sum)), expected, GetParam().product_bits - 3);
}

TEST_P(EvaluatorTest, AdjustsToAnyLowerLevelAtItsExactScale) {
    const auto x = random_values(slots(), 9);
    const Ciphertext a = scheme().encrypt(x, top());
    for (int level = 0; level <= top(); ++level) {
        const Ciphertext adjusted = evaluator().adjust(a, level);
        EXPECT_EQ(adjusted.level, level);
        EXPECT_EQ(adjusted.scale, scheme().parameters.scale(level));
        expect_close(adjusted, x, GetParam().product_bits - 2);
        // And so it can be added to a ciphertext that came there by products.
        expect_close(evaluator().add(adjusted, scheme().encrypt(x, level)),
                     slotwise(x, [&](std::size_t i) { return 2.0 * x[i]; }), GetParam().product_bits - 2);
    }
    const Ciphertext dropped = evaluator().drop_to_level(a, 1);
    EXPECT_EQ(dropped.level, 1);
    EXPECT_EQ(dropped.scale, a.scale);
    expect_close(dropped, x, GetParam().fresh_bits - 1);
}

TEST_P(EvaluatorTest, HoistedRotationsAreTheSame) {
    const auto x = random_values(slots(), 10);
    const Ciphertext a = scheme().encrypt(x, top() - 1);
    const HoistedCiphertext hoisted = evaluator().hoist(a);
    for (const long step : {0L, 1L, -7L}) {
        const Ciphertext plain = evaluator().rotate(a, step);
        const Ciphertext shared = evaluator().rotate(hoisted, step);
        for (std::size_t c = 0; c < 2; ++c) {
            for (std::size_t i = 0; i < plain.components[c].limbs(); ++i) {
                ASSERT_TRUE(std::ranges::equal(plain.components[c].limb(i), shared.components[c].limb(i)));
            }
        }
        const Ciphertext divided = evaluator().divide_by_special(evaluator().rotate_extended(hoisted, step));
        expect_close(divided, rotated(x, step), GetParam().fresh_bits - 2);
    }
}

TEST_P(EvaluatorTest, ExtendedPlaintextsMultiplyBeforeTheDivision) {
    const auto x = random_values(slots(), 11);
    const auto y = random_values(slots(), 12);
    const Parameters& parameters = scheme().parameters;
    const Ciphertext a = scheme().encrypt(x, top());
    ExtendedCiphertext extended = evaluator().rotate_extended(evaluator().hoist(a), 4);
    const SubringPlaintext plain = evaluator().encoder().encode_periodic_extended(y, top(), parameters.scale(top()));
    for (RnsPolynomial& component : extended.components) {
        ASSERT_EQ(component.limbs(), plain.polynomial.limbs());
        for (std::size_t i = 0; i < component.limbs(); ++i) {
            const int row = static_cast<int>(i);
            const Modulus& q = row <= top() ? parameters.q(row).modulus() : parameters.p(row - top() - 1).modulus();
            kernels().multiply(component.limb(i).data(), component.limb(i).data(), plain.polynomial.limb(i).data(),
                               parameters.ring_dimension(), q);
        }
    }
    extended.scale *= plain.scale;
    const auto r = rotated(x, 4);
    expect_close(evaluator().rescale(evaluator().divide_by_special(extended)),
                 slotwise(x, [&](std::size_t i) { return r[i] * y[i]; }), GetParam().product_bits - 2);
}

TEST_P(EvaluatorTest, SumsSlots) {
    const auto x = random_values(slots(), 13);
    const Ciphertext a = scheme().encrypt(x, top());
    for (const long stride : {1L, 4L}) {
        const auto expected = slotwise(x, [&](std::size_t i) {
            Complex sum = 0;
            for (std::size_t k = 0; k < 16; ++k) sum += x[(i + k * static_cast<std::size_t>(stride)) % x.size()];
            return sum;
        });
        expect_close(evaluator().sum_slots(a, 16, stride), expected, GetParam().fresh_bits - 6);
    }
}

TEST_P(EvaluatorTest, BatchesRotateAsEachAlone) {
    const auto residues = [](const RnsPolynomial& polynomial) {
        std::vector<std::uint64_t> all;
        for (std::size_t row = 0; row < polynomial.limbs(); ++row) {
            all.insert(all.end(), polynomial.limb(row).begin(), polynomial.limb(row).end());
        }
        return all;
    };
    std::vector<HoistedCiphertext> hoisted;
    for (unsigned seed = 0; seed < 3; ++seed)
        hoisted.push_back(evaluator().hoist(scheme().encrypt(random_values(slots(), seed), top() - 1)));
    const std::span<const HoistedCiphertext> batch(hoisted);
    for (const long step : {0L, 4L, -7L}) {
        const std::vector<Ciphertext> rotated = evaluator().rotate(batch, step);
        const std::vector<ExtendedCiphertext> extended = evaluator().rotate_extended(batch, step);
        std::vector<Ciphertext> ciphertexts;
        for (const HoistedCiphertext& one : hoisted) ciphertexts.push_back(one.ciphertext);
        const std::vector<ExtendedCiphertext> unhoisted =
            evaluator().rotate_extended(std::span<const Ciphertext>(ciphertexts), step);
        ASSERT_EQ(rotated.size(), 3U);
        ASSERT_EQ(extended.size(), 3U);
        ASSERT_EQ(unhoisted.size(), 3U);
        for (std::size_t i = 0; i < hoisted.size(); ++i) {
            const Ciphertext alone = evaluator().rotate(hoisted[i], step);
            const ExtendedCiphertext extended_alone = evaluator().rotate_extended(hoisted[i], step);
            for (std::size_t c = 0; c < 2; ++c) {
                EXPECT_EQ(residues(rotated[i].components[c]), residues(alone.components[c])) << step;
                EXPECT_EQ(residues(extended[i].components[c]), residues(extended_alone.components[c])) << step;
                EXPECT_EQ(residues(unhoisted[i].components[c]), residues(extended_alone.components[c])) << step;
            }
        }
    }
    EXPECT_TRUE(evaluator().rotate(batch.first(0), 4).empty());
    hoisted.push_back(evaluator().hoist(evaluator().drop_to_level(hoisted[0].ciphertext, top() - 2)));
    EXPECT_THAT([&] { evaluator().rotate(std::span<const HoistedCiphertext>(hoisted), 4); },
                ThrowsMessage<Error>(AllOf(HasSubstr("rotation"), HasSubstr(fmt::format("{}", top() - 2)))));
}

TEST_P(EvaluatorTest, SparseMessagesRotateWithinTheirSlots) {
    const auto x = random_values(64, 14);
    const Ciphertext a = scheme().encrypt(x, top());
    for (const long step : {1L, -7L, 65L, 128L, 36L, -63L}) {  // 36 is 100 modulo 64, for which there is a key
        expect_close(evaluator().rotate(a, step), rotated(x, step), GetParam().fresh_bits - 2);
    }
    const auto y = random_values(slots(), 15);
    const Ciphertext sum = evaluator().add(a, scheme().encrypt(y, top()));
    EXPECT_EQ(sum.slots, slots());
    expect_close(sum, slotwise(y, [&](std::size_t i) { return y[i] + x[i % 64]; }), GetParam().fresh_bits - 1);
}

TEST_P(EvaluatorTest, RotatesAndConjugates) {
    const auto x = random_values(slots(), 4);
    const Ciphertext a = scheme().encrypt(x, top());
    for (const long step : kRotations) {
        const Ciphertext r = evaluator().rotate(a, step);
        EXPECT_EQ(r.scale, a.scale);
        expect_close(r, rotated(x, step), GetParam().fresh_bits - 2);
    }
    expect_close(evaluator().conjugate(a), slotwise(x, [&](std::size_t i) { return std::conj(x[i]); }),
                 GetParam().fresh_bits - 2);
}

INSTANTIATE_TEST_SUITE_P(Sets, EvaluatorTest,
                         ::testing::Values(Case{"n10", small(10, 40, 5, 2), 28, 27},
                                           Case{"n11", small(11, 30, 6, 3, 40), 16, 15},
                                           Case{"n12", small(12, 45, 4, 1), 29, 30},
                                           Case{"n11_bootstrapping", presets::insecure_bootstrapping(1 << 11), 26, 25},
                                           Case{"n14", presets::leveled_16384(), 24, 23}),
                         [](const auto& instance) { return instance.param.name; });

TEST(EvalModLevels, SquaringsLandAtTheOutputScale) {
    const ParametersLiteral literal = presets::insecure_bootstrapping(1 << 11);
    const int top = Parameters::create(literal).max_level();
    const Scheme scheme(literal, {1}, top);
    auto x = random_values(1 << 10, 1);
    for (Complex& value : x) value /= std::abs(value);  // squares keep their size
    Ciphertext a = scheme.encrypt(x, top);
    EXPECT_GT(precision_bits(scheme.decrypt(scheme.evaluator.rotate(a, 1)), rotated(x, 1)), 35);
    while (a.level > scheme.parameters.working_level()) {
        const int below = scheme.parameters.level_below(a.level);
        a = scheme.evaluator.square(a);
        while (a.level > below) a = scheme.evaluator.rescale(a);
        for (Complex& value : x) value *= value;
        EXPECT_GT(precision_bits(scheme.decrypt(a), x), 35 - (top - a.level));
    }
    EXPECT_EQ(a.level, scheme.parameters.working_level());
    EXPECT_EQ(a.scale, scheme.parameters.eval_mod_output_scale());
}

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
    EXPECT_THAT(
        [&] {
            evaluator().add(encrypt(2), Plaintext{RnsPolynomial(16, 3), 2, 0x1p40});
        },
        ThrowsMessage<Error>(HasSubstr("16")));
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
    damaged.components[0].truncate(2);
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
