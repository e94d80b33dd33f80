// Sums, products and levels.
#include "polyformer/ckks/evaluator/evaluator.h"

#include <gtest/gtest.h>

#include "polyformer/support/error.h"
#include "tests/ckks/evaluator/evaluator_fixture.h"

namespace polyformer::ckks::testing {
namespace {

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
    const std::vector<Ciphertext> lazy{evaluator().multiply_lazily(a, b), evaluator().multiply_lazily(b, b)};
    const std::vector<ExtendedCiphertext> undivided = evaluator().relinearise_extended(lazy);
    for (std::size_t i = 0; i < lazy.size(); ++i) {
        expect_rounding_apart(evaluator().divide_by_special(undivided[i]), evaluator().relinearise(lazy[i]));
    }
    EXPECT_THROW(evaluator().relinearise_extended(std::vector{product}), Error);  // two components
    EXPECT_THROW(evaluator().relinearise_extended({}), Error);
    const ExtendedCiphertext rotated = extended_rotation(product, 1);
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

}  // namespace
}  // namespace polyformer::ckks::testing
