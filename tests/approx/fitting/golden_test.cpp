// Against mpmath: function values, minimax errors, interpolation coefficients, certified errors, least squares.
#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/approx/fitting/certificate.h"
#include "polyformer/approx/fitting/histogram.h"
#include "tests/approx/fitting/golden_data.h"

namespace polyformer::approx {
namespace {

TEST(Golden, FunctionValues) {
    for (const auto& item : golden("function_values")) {
        const TargetFunction target = target_of(item);
        const double x = item.at("x").get<double>();
        const Real expected(item.at("value").get<std::string>());
        EXPECT_LE(abs(target(Real(x)) - expected), abs(expected) * 1e-38) << target.name << "(" << x << ")";
        // Rounding the argument of erfc by one part in 2^53 moves its tail by x² times that.
        const double tolerance = 4e-16 * (1 + x * x) * std::abs(expected.convert_to<double>());
        EXPECT_NEAR(target(x), expected.convert_to<double>(), tolerance) << target.name << "(" << x << ")";
    }
}

TEST(Golden, MinimaxErrors) {
    for (const auto& item : golden("minimax")) {
        const TargetFunction target = target_of(item);
        const Interval interval = interval_of(item);
        const auto degree = item.at("degree").get<std::size_t>();
        const auto kind = item.at("kind").get<std::string>();
        const double expected = item.at("error").get<double>();
        SCOPED_TRACE(item.dump());
        Approximation result;
        if (kind == "1/(1+x^2)") {
            result = minimax(target, interval, degree, Weight{[](double x) { return 1 / (1 + x * x); }});
        } else {
            result = minimax(target, interval, degree, kind == "relative" ? ErrorKind::relative : ErrorKind::absolute);
            EXPECT_LE(result.max_grid_error, expected * (1 + 1e-7) + 1e-15);
            EXPECT_GE(result.certified_error, expected * (1 - 1e-7));
            EXPECT_LE(result.certified_error, expected * 1.05 + 1e-15);
        }
        EXPECT_NEAR(result.levelled_error.value(), expected, 1e-7 * expected);
        EXPECT_LE(result.polynomial.degree(), degree);
    }
}

TEST(Golden, InterpolationCoefficients) {
    for (const auto& item : golden("interpolation")) {
        SCOPED_TRACE(item.dump());
        const auto expected = item.at("coefficients").get<std::vector<double>>();
        const Approximation result = chebyshev_interpolation(target_of(item), interval_of(item), expected.size() - 1);
        const std::vector<double>& found = result.polynomial.coefficients;
        ASSERT_LE(found.size(), expected.size());
        for (std::size_t k = 0; k < expected.size(); ++k) {
            EXPECT_NEAR(k < found.size() ? found[k] : 0.0, expected[k], 1e-15 * std::abs(expected[k]) + 1e-30) << k;
        }
    }
}

TEST(Golden, CertificateEnclosesTheTrueError) {
    for (const auto& item : golden("interpolation")) {
        SCOPED_TRACE(item.dump());
        const Interval interval = interval_of(item);
        const ChebyshevPolynomial polynomial{interval.lower, interval.upper,
                                             item.at("coefficients").get<std::vector<double>>()};
        const double truth = item.at("max_error").get<double>();
        const ErrorBounds bounds = certify(target_of(item), polynomial, ErrorKind::absolute);
        EXPECT_GE(bounds.certified_error, truth * (1 - 1e-12));
        EXPECT_LE(bounds.certified_error, truth * 1.05);
        EXPECT_LE(bounds.max_grid_error, truth * (1 + 1e-8));
        EXPECT_GE(bounds.max_grid_error, truth * 0.99);
    }
}

TEST(Golden, WeightedLeastSquares) {
    for (const auto& item : golden("least_squares")) {
        SCOPED_TRACE(item.dump());
        const Histogram histogram{item.at("edges").get<std::vector<double>>(),
                                  item.at("counts").get<std::vector<double>>()};
        const WeightedApproximation result =
            weighted_least_squares(target_of(item), interval_of(item), item.at("degree").get<std::size_t>(), histogram,
                                   item.at("floor").get<double>());
        EXPECT_NEAR(result.weighted_rms, item.at("weighted_rms").get<double>(), 1e-9 * result.weighted_rms);
        EXPECT_NEAR(result.mass_outside, item.at("mass_outside").get<double>(), 1e-12);
        const auto points = item.at("points").get<std::vector<double>>();
        const auto values = item.at("values").get<std::vector<double>>();
        for (std::size_t i = 0; i < points.size(); ++i) {
            EXPECT_NEAR(result.approximation.polynomial(points[i]), values[i], 1e-9) << points[i];
        }
    }
}

}  // namespace
}  // namespace polyformer::approx
