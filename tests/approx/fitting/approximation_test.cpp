#include "polyformer/approx/fitting/approximation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "polyformer/support/error.h"
#include "tests/support/message_of.h"

namespace polyformer::approx {
namespace {

using ::testing::HasSubstr;

/// A user's function with a double-precision twin and nothing else.
TargetFunction cube() {
    return {.name = "cube",
            .value = [](const Real& x) { return Real(x * x * x); },
            .value_double = [](double x) { return x * x * x; }};
}

TEST(Polynomial, EvaluatesAndDifferentiates) {
    // 1 + 2 T_1 + 3 T_2 + 4 T_3 over [1, 5], u = (x − 3)/2: 1 + 2u + 3(2u² − 1) + 4(4u³ − 3u).
    const ChebyshevPolynomial p{1, 5, {1, 2, 3, 4}};
    for (const double x : {1.0, 2.5, 3.0, 4.75, 5.0}) {
        const double u = (x - 3) / 2;
        EXPECT_NEAR(p(x), -2 - 10 * u + 6 * u * u + 16 * u * u * u, 1e-14);
        EXPECT_NEAR(p(Real(x)).convert_to<double>(), p(x), 1e-14);
        EXPECT_NEAR(p.derivative()(x), (-10 + 12 * u + 48 * u * u) / 2, 1e-13);
    }
    EXPECT_EQ(p.degree(), 3U);
    EXPECT_EQ(p.depth(), 2U);
    EXPECT_EQ(ChebyshevPolynomial{}(0.5), 0.0);
    EXPECT_EQ((ChebyshevPolynomial{-1, 1, {7}}.derivative()(0.3)), 0.0);
}

TEST(Polynomial, DepthIsTheLogarithmOfDegreePlusOne) {
    const std::size_t expected[] = {0, 1, 2, 2, 3, 3, 3, 3, 4};
    for (std::size_t degree = 0; degree < std::size(expected); ++degree) {
        EXPECT_EQ(depth_of_degree(degree), expected[degree]) << degree;
    }
    EXPECT_EQ(depth_of_degree(63), 6U);
    EXPECT_EQ(depth_of_degree(64), 7U);
}

TEST(Minimax, RecoversAPolynomialExactly) {
    const Approximation result = minimax(cube(), {-2, 3}, 3);
    for (const double x : {-2.0, -0.5, 1.0, 3.0}) EXPECT_NEAR(result.polynomial(x), x * x * x, 1e-13);
    EXPECT_LT(result.max_grid_error, 1e-13);
    EXPECT_LT(result.levelled_error.value(), 1e-30);
}

TEST(Minimax, KnownClosedForm) {
    // x³ by degree 2 on [−1, 1] is 3/4·x, error 1/4 (the monic Chebyshev polynomial).
    const Approximation result = minimax(cube(), {-1, 1}, 2);
    ASSERT_EQ(result.polynomial.coefficients.size(), 2U);
    EXPECT_EQ(result.polynomial.coefficients[0], 0.0);
    EXPECT_NEAR(result.polynomial.coefficients[1], 0.75, 1e-15);
    EXPECT_NEAR(result.levelled_error.value(), 0.25, 1e-12);
    EXPECT_TRUE(std::isinf(result.certified_error)) << "nothing is known of the function that could certify it";
}

TEST(Minimax, UsesSymmetry) {
    for (const char* name : {"gelu", "silu", "relu"}) {
        const Approximation even = minimax(target_function(name), {-5, 5}, 11);
        EXPECT_EQ(even.polynomial.degree(), 10U) << name;
        EXPECT_NEAR(even.polynomial.coefficients[1], 2.5, 1e-15) << name;  // x/2
        for (std::size_t k = 3; k < 11; k += 2) EXPECT_EQ(even.polynomial.coefficients[k], 0.0) << name << " " << k;
    }
    for (const char* name : {"sigmoid", "tanh"}) {
        const Approximation odd = minimax(target_function(name), {-5, 5}, 8);
        EXPECT_EQ(odd.polynomial.degree(), 7U) << name;
        EXPECT_EQ(odd.polynomial.coefficients[0], name == std::string("sigmoid") ? 0.5 : 0.0);
        for (std::size_t k = 2; k < 7; k += 2) EXPECT_EQ(odd.polynomial.coefficients[k], 0.0) << name << " " << k;
    }
    const Approximation neither = minimax(target_function("gelu"), {-5, 6}, 11);
    EXPECT_EQ(neither.polynomial.degree(), 11U);
}

TEST(Minimax, ErrorAlternates) {
    const TargetFunction target = target_function("silu");
    const Approximation result = minimax(target, {-3, 7}, 9);
    int alternations = 0;
    int last_sign = 0;
    for (int i = 0; i <= 20000; ++i) {
        const double x = -3 + 10 * i / 20000.0;
        const double error = target(x) - result.polynomial(x);
        if (std::abs(error) < result.levelled_error.value() * 0.9999) continue;
        const int sign = error > 0 ? 1 : -1;
        alternations += sign != last_sign;
        last_sign = sign;
    }
    EXPECT_GE(alternations, 11);  // degree + 2
}

TEST(Minimax, WeightShiftsTheError) {
    const TargetFunction target = target_function("gelu");
    const Interval interval{-6, 6};
    const Approximation plain = minimax(target, interval, 8);
    const Approximation weighted =
        minimax(target, interval, 8, Weight{[](double x) { return std::exp(-x * x / 4) + 0.05; }});
    double plain_center = 0;
    double weighted_center = 0;
    for (double x = -1; x <= 1; x += 0.01) {
        plain_center = std::max(plain_center, std::abs(target(x) - plain.polynomial(x)));
        weighted_center = std::max(weighted_center, std::abs(target(x) - weighted.polynomial(x)));
    }
    EXPECT_LT(weighted_center, plain_center / 2);
    EXPECT_GT(weighted.max_grid_error, plain.max_grid_error);
}

TEST(Minimax, ErrorsBelowDoubleAreHandled) {
    const Approximation result = minimax(target_function("exp"), {-1, 1}, 63);
    EXPECT_LT(result.certified_error, 1e-15);
    EXPECT_LE(result.polynomial.degree(), 63U);
    const Approximation line = minimax(target_function("relu"), {1, 4}, 7);
    EXPECT_LT(line.certified_error, 1e-15);
    const Approximation zero = minimax(target_function("relu"), {-4, -1}, 7);
    EXPECT_EQ(zero.polynomial, (ChebyshevPolynomial{-4, -1, {0.0}}));
    EXPECT_LT(zero.certified_error, 1e-100);
}

TEST(Errors, NameValuesAndRemedy) {
    const TargetFunction gelu = target_function("gelu");
    const TargetFunction inverse_sqrt = target_function("inverse_sqrt");
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THAT(message_of([&] { minimax(gelu, {2, 2}, 3); }), HasSubstr("[2, 2] is empty"));
    EXPECT_THAT(message_of([&] { minimax(gelu, {3, -1}, 3); }), HasSubstr("[3, -1] is empty"));
    EXPECT_THAT(message_of([&] { minimax(gelu, {0, nan}, 3); }), HasSubstr("[0, nan] is not finite"));
    EXPECT_THAT(message_of([&] { chebyshev_interpolation(gelu, {-1e308, 1.7e308}, 3); }), HasSubstr("width"));
    EXPECT_THAT(message_of([&] { minimax(inverse_sqrt, {0, 4}, 3); }), HasSubstr("above 0 only"));
    EXPECT_THAT(message_of([&] { minimax(target_function("reciprocal"), {-1, 4}, 3); }), HasSubstr("[-1, 4]"));
    EXPECT_THAT(message_of([&] { minimax(gelu, {-1, 1}, 256); }), HasSubstr("degree 256 is too high (at most 255"));
    EXPECT_THAT(message_of([&] { minimax(gelu, {-1, 1.5}, 3, ErrorKind::relative); }), HasSubstr("zero in [-1, 1.5]"));
    EXPECT_THAT(message_of([&] {
                    minimax(gelu, {-1, 1}, 3, Weight{[](double x) { return x; }});
                }),
                HasSubstr("the weight is"));
    EXPECT_THAT(message_of([&] { target_function("softmax"); }), HasSubstr("gelu, relu"));
    TargetFunction half = gelu;
    half.value_double = nullptr;
    EXPECT_THAT(message_of([&] { minimax(half, {-1, 1}, 3); }), HasSubstr("no double value"));
    TargetFunction fast = cube();
    fast.value = [](const Real& x) { return Real(sin(x * 100000)); };
    EXPECT_THAT(message_of([&] { minimax(fast, {-1, 1.5}, 6); }), HasSubstr("does not level"));
    TargetFunction logarithm = cube();
    logarithm.value = [](const Real& x) { return Real(log(x)); };
    EXPECT_THAT(message_of([&] { minimax(logarithm, {-1, 1}, 4); }), HasSubstr("cube(-"));
    EXPECT_THAT(message_of([&] { minimax(logarithm, {-1, 1}, 4); }), HasSubstr("is not finite"));
}

}  // namespace
}  // namespace polyformer::approx
