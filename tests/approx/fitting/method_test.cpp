#include "polyformer/approx/fitting/method.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <tuple>

#include "polyformer/approx/fitting/certificate.h"
#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

using ::testing::HasSubstr;

/// Bins of a bell about `center`.
Histogram bell(double lower, double upper, double center, double deviation) {
    Histogram histogram{{lower}, {}};
    for (int i = 1; i <= 60; ++i) {
        histogram.edges.push_back(lower + (upper - lower) * i / 60);
        const double x = (histogram.edges[histogram.edges.size() - 2] + histogram.edges.back()) / 2 - center;
        histogram.counts.push_back(std::round(1e6 * std::exp(-x * x / (2 * deviation * deviation))));
    }
    return histogram;
}

/// E|error| by many points, nothing clever.
double mean_of(const TargetFunction& target, const ChebyshevPolynomial& polynomial, ErrorKind kind,
               const Histogram& histogram) {
    double sum = 0;
    double mass = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        for (int j = 0; j < 200; ++j) {
            const double x = histogram.edges[i] + (j + 0.5) / 200 * (histogram.edges[i + 1] - histogram.edges[i]);
            if (x < polynomial.lower || x > polynomial.upper) continue;
            const double error = std::abs(target(x) - polynomial(x));
            sum += histogram.counts[i] * (kind == ErrorKind::relative ? error / std::abs(target(x)) : error);
            mass += histogram.counts[i];
        }
    }
    return sum / mass;
}

struct Case {
    const char* function;
    Interval interval;
    std::size_t degree;
    ErrorKind kind;
    Histogram histogram;
};

std::vector<Case> cases() {
    return {{"gelu", {-9, 9}, 8, ErrorKind::absolute, bell(-10, 10, 0, 1.2)},
            {"squared_relu", {-4, 6}, 7, ErrorKind::absolute, bell(-10, 10, 1, 1)},
            {"inverse_sqrt", {0.05, 6}, 7, ErrorKind::relative, bell(0.01, 8, 2, 0.4)}};
}

/// Inputs as calibration counts them: many narrow bins, nearly all of a million inputs in the middle, single ones far
/// out, `repeated` equal ones.
Histogram narrow_peak(double reach, double deviation, double repeated) {
    constexpr int bins_a_unit = 32;
    Histogram histogram{{-reach}, {}};
    for (int i = 1; i <= 2 * bins_a_unit * static_cast<int>(reach); ++i) {
        histogram.edges.push_back(-reach + static_cast<double>(i) / bins_a_unit);
        const double x = histogram.edges.back() - 0.5 / bins_a_unit;
        histogram.counts.push_back(std::round(1e6 * std::exp(-std::abs(x) / deviation)));
    }
    histogram.counts.front() = 1;
    histogram.counts.back() = 1;
    histogram.counts[histogram.counts.size() / 3] += repeated;
    return histogram;
}

TEST(Approximate, WeightedMinimaxLevelsWhereInputsCrowdInASmallPartOfTheInterval) {
    for (const auto& [reach, deviation, repeated] :
         {std::tuple(20.0, 1.0, 1e7), std::tuple(60.0, 1.0, 0.0), std::tuple(127.0, 0.5, 1e7)}) {
        const Histogram histogram = narrow_peak(reach, deviation, repeated);
        const Interval interval{-1.2 * reach, 1.1 * reach};
        for (const char* function : {"gelu", "sigmoid"}) {
            const TargetFunction target = target_function(function);
            for (const std::size_t degree : {3U, 15U, 31U}) {
                const Approximation fit =
                    approximate("weighted_minimax", target, interval, degree, ErrorKind::absolute, &histogram)
                        .approximation;
                const Weight weight = density_weight(histogram, interval);
                double largest = 0;
                for (double x = interval.lower; x <= interval.upper; x += 0.01) {
                    largest = std::max(largest, weight.at(x) * std::abs(target(x) - fit.polynomial(x)));
                }
                EXPECT_LE(largest, 1.05 * fit.levelled_error.value())
                    << function << ", degree " << degree << ", " << deviation << " of " << reach << ", " << repeated;
            }
        }
    }
}

TEST(Approximate, ErrorsAreThoseOfThePolynomial) {
    for (const Case& c : cases()) {
        const TargetFunction target = target_function(c.function);
        for (const std::string& method : method_names()) {
            SCOPED_TRACE(std::string(c.function) + " " + method);
            const MethodResult result = approximate(method, target, c.interval, c.degree, c.kind, &c.histogram);
            const ChebyshevPolynomial& polynomial = result.approximation.polynomial;
            EXPECT_EQ(result.approximation.kind, c.kind);
            EXPECT_EQ(polynomial.interval(), c.interval);
            EXPECT_LE(polynomial.degree(), c.degree);
            const double mean = mean_of(target, polynomial, c.kind, c.histogram);
            EXPECT_NEAR(result.mean_error, mean, 5e-3 * mean);
            const ErrorBounds bounds = certify(target, polynomial, c.kind);
            EXPECT_EQ(result.approximation.max_grid_error, bounds.max_grid_error);
            EXPECT_EQ(result.approximation.certified_error, bounds.certified_error);
            EXPECT_GT(bounds.max_grid_error, result.mean_error);
        }
    }
}

TEST(Approximate, EachMethodIsBestAtWhatItMinimises) {
    for (const Case& c : cases()) {
        const TargetFunction target = target_function(c.function);
        const Weight weight = density_weight(c.histogram, c.interval);
        std::map<std::string, double> largest;
        std::map<std::string, double> weighted;
        std::map<std::string, double> mean;
        for (const std::string& method : method_names()) {
            const MethodResult result = approximate(method, target, c.interval, c.degree, c.kind, &c.histogram);
            largest[method] = result.approximation.max_grid_error;
            mean[method] = result.mean_error;
            for (int i = 0; i <= 4000; ++i) {
                const double x = c.interval.lower + (c.interval.upper - c.interval.lower) * i / 4000;
                const double error = std::abs(target(x) - result.approximation.polynomial(x));
                const double relative = c.kind == ErrorKind::relative ? error / std::abs(target(x)) : error;
                weighted[method] = std::max(weighted[method], weight.at(x) * relative);
            }
        }
        for (const std::string& other : method_names()) {
            SCOPED_TRACE(std::string(c.function) + " " + other);
            EXPECT_LE(largest["minimax"], largest[other]);
            EXPECT_LE(weighted["weighted_minimax"], weighted[other] * (1 + 1e-3));
        }
        EXPECT_LT(mean["weighted_least_squares"], 0.7 * mean["minimax"]) << c.function;
        EXPECT_LT(mean["weighted_minimax"], 0.8 * mean["minimax"]) << c.function;
    }
}

TEST(Approximate, WithoutAHistogramInputsAreEven) {
    const TargetFunction target = target_function("gelu");
    const MethodResult result = approximate("minimax", target, {-3, 5}, 6, ErrorKind::absolute);
    const Histogram even{{-3, 5}, {1}};
    EXPECT_NEAR(result.mean_error, mean_of(target, result.approximation.polynomial, ErrorKind::absolute, even),
                5e-3 * result.mean_error);
}

TEST(Approximate, ASquareIsAPolynomialAlready) {
    for (const char* method : {"minimax", "chebyshev"}) {
        for (const std::size_t degree : {2U, 5U}) {
            const MethodResult result =
                approximate(method, target_function("square"), {-3, 5}, degree, ErrorKind::absolute);
            EXPECT_LT(result.approximation.certified_error, 1e-13) << method;
            EXPECT_EQ(result.approximation.polynomial.degree(), 2U) << method;
        }
    }
    EXPECT_LT(minimax(target_function("square"), {-2, 2}, 7).certified_error, 1e-14);
}

TEST(Approximate, ErrorsNameMethodsAndRemedy) {
    const TargetFunction gelu = target_function("gelu");
    const auto message = [&](std::string_view method, ErrorKind kind, const Histogram* histogram) {
        try {
            approximate(method, gelu, {-2, 3}, 5, kind, histogram);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    EXPECT_THAT(message("remez", ErrorKind::absolute, nullptr),
                HasSubstr("'remez': use one of minimax, weighted_minimax, weighted_least_squares, chebyshev"));
    EXPECT_THAT(message("weighted_minimax", ErrorKind::absolute, nullptr), HasSubstr("no histogram"));
    EXPECT_THAT(message("weighted_least_squares", ErrorKind::absolute, nullptr), HasSubstr("no histogram"));
    const Histogram histogram{{-2, 3}, {1}};
    for (const std::string& method : method_names()) {
        EXPECT_NE(message(method, ErrorKind::relative, &histogram), "no error") << method << ": gelu(0) = 0";
    }
}

}  // namespace
}  // namespace polyformer::approx
