#include "polyformer/approx/fitting/certificate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "polyformer/approx/fitting/approximation.h"

namespace polyformer::approx {
namespace {

/// The largest error on a uniform grid ten times denser than the certificate's own.
double dense_error(const TargetFunction& target, const ChebyshevPolynomial& polynomial, ErrorKind kind) {
    const std::size_t points = 80 * (2 * polynomial.degree() + 32);
    Real largest = 0;
    for (std::size_t i = 0; i <= points; ++i) {
        const Real share = Real(i) / Real(points);
        const Real x = Real(polynomial.lower) * (1 - share) + Real(polynomial.upper) * share;
        const Real value = target(x);
        const Real error = abs(value - polynomial(x));
        largest = std::max(largest, kind == ErrorKind::absolute ? error : Real(error / abs(value)));
    }
    return largest.convert_to<double>();
}

struct Case {
    const char* function;
    Interval interval;
    ErrorKind kind;
};

TEST(Certificate, IsAboveADenseGridAndWithinFivePercent) {
    for (const Case& c :
         {Case{"gelu", {-7, 7}, ErrorKind::absolute}, Case{"gelu", {0.25, 6}, ErrorKind::relative},
          Case{"relu", {-2, 5}, ErrorKind::absolute}, Case{"relu", {0.5, 2}, ErrorKind::relative},
          Case{"sigmoid", {-12, 9}, ErrorKind::absolute}, Case{"sigmoid", {-4, 4}, ErrorKind::relative},
          Case{"silu", {-9, 9}, ErrorKind::absolute}, Case{"silu", {0.5, 5}, ErrorKind::relative},
          Case{"tanh", {-3, 5}, ErrorKind::absolute}, Case{"tanh", {-4, -0.25}, ErrorKind::relative},
          Case{"exp", {-4, 1}, ErrorKind::absolute}, Case{"exp", {-2, 3}, ErrorKind::relative},
          Case{"reciprocal", {0.125, 3}, ErrorKind::absolute}, Case{"reciprocal", {0.5, 8}, ErrorKind::relative},
          Case{"inverse_sqrt", {0.05, 4}, ErrorKind::absolute},
          Case{"inverse_sqrt", {0.001, 4}, ErrorKind::relative}}) {
        for (const std::size_t degree : {std::size_t{0}, std::size_t{3}, std::size_t{10}}) {
            SCOPED_TRACE(std::string(c.function) + " degree " + std::to_string(degree));
            const TargetFunction target = target_function(c.function);
            const Approximation result = minimax(target, c.interval, degree, c.kind);
            const double truth = dense_error(target, result.polynomial, c.kind);
            EXPECT_GE(result.certified_error, truth);
            EXPECT_LE(result.certified_error, truth * 1.05 + 1e-15);
        }
    }
}

TEST(Certificate, HoldsForArbitraryPolynomials) {
    std::mt19937_64 generator(7);
    std::normal_distribution<double> normal;
    const TargetFunction target = target_function("sigmoid");
    for (int round = 0; round < 10; ++round) {
        ChebyshevPolynomial polynomial{-5, 3, std::vector<double>(6)};
        for (double& coefficient : polynomial.coefficients) coefficient = normal(generator);
        for (const ErrorKind kind : {ErrorKind::absolute, ErrorKind::relative}) {
            const ErrorBounds bounds = certify(target, polynomial, kind);
            const double truth = dense_error(target, polynomial, kind);
            EXPECT_GE(bounds.certified_error, truth);
            EXPECT_LE(bounds.certified_error, truth * 1.05);
        }
    }
}

TEST(Certificate, LipschitzConstantAlone) {
    const TargetFunction target{.name = "triangle wave",
                                .value = [](const Real& x) { return Real(abs(x - floor(x + Real(0.5)))); },
                                .value_double = [](double x) { return std::abs(x - std::floor(x + 0.5)); },
                                .lipschitz = 1.0};
    const ChebyshevPolynomial polynomial{0, 3.3, {0.25, 0.125}};
    const ErrorBounds bounds = certify(target, polynomial, ErrorKind::absolute);
    const double truth = dense_error(target, polynomial, ErrorKind::absolute);
    EXPECT_GE(bounds.certified_error, truth);
    EXPECT_LE(bounds.certified_error, truth * 1.01);
}

TEST(Certificate, InfiniteWhereTheBoundFails) {
    TargetFunction target = target_function("tanh");
    target.bound = [](const BernsteinEllipse&) { return std::numeric_limits<double>::infinity(); };
    const ErrorBounds bounds = certify(target, {-1, 1, {0, 1}}, ErrorKind::absolute);
    EXPECT_TRUE(std::isinf(bounds.certified_error));
    EXPECT_NEAR(bounds.max_grid_error, 1 - std::tanh(1), 1e-3);
}

}  // namespace
}  // namespace polyformer::approx
