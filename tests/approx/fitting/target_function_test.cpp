#include "polyformer/approx/fitting/target_function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <functional>
#include <map>
#include <numbers>

namespace polyformer::approx {
namespace {

using Complex = std::complex<double>;

/// Φ(z) by its power series, good to about ten digits for |z| up to 4.
Complex normal_distribution(Complex z) {
    Complex term = z;
    Complex sum = 0;
    for (int k = 0; k < 200; ++k) {
        sum += term / (2.0 * k + 1);
        term *= -z * z / (2.0 * (k + 1));
    }
    return 0.5 + sum / std::sqrt(2 * std::numbers::pi);
}

const std::map<std::string, std::function<Complex(Complex)>> complex_functions{
    {"gelu", [](Complex z) { return z * normal_distribution(z); }},
    {"sigmoid", [](Complex z) { return 1.0 / (1.0 + std::exp(-z)); }},
    {"silu", [](Complex z) { return z / (1.0 + std::exp(-z)); }},
    {"tanh", [](Complex z) { return std::tanh(z); }},
    {"exp", [](Complex z) { return std::exp(z); }},
    {"exp_half", [](Complex z) { return std::exp(z / 2.0); }},
    {"log", [](Complex z) { return std::log(z); }},
    {"reciprocal", [](Complex z) { return 1.0 / z; }},
    {"inverse_sqrt", [](Complex z) { return 1.0 / std::sqrt(z); }},
    {"square", [](Complex z) { return z * z; }},
    {"relu", [](Complex z) { return z; }},              // on the right of its knot
    {"squared_relu", [](Complex z) { return z * z; }},  // likewise
};

TEST(TargetFunction, BoundsHoldOnEllipses) {
    int finite_bounds = 0;
    for (const std::string& name : target_function_names()) {
        const TargetFunction target = target_function(name);
        if (!target.bound) continue;  // errors are certified by its Lipschitz constant alone
        const auto& function = complex_functions.at(name);
        for (const Interval interval : {Interval{0.25, 2}, Interval{0.01, 0.5}, Interval{1, 3}, Interval{-2, 1.5}}) {
            if (interval.lower < 0 && (target.domain_lower == 0 || !target.knots.empty())) continue;
            for (const double rho : {1.01, 1.1, 1.3, 1.8, 2.5}) {
                const BernsteinEllipse ellipse{interval, rho};
                const double bound = target.bound(ellipse);
                const double reciprocal_bound = target.reciprocal_bound(ellipse);
                finite_bounds += std::isfinite(bound) + std::isfinite(reciprocal_bound);
                for (int i = 0; i < 400; ++i) {
                    const Complex w = std::polar(rho, 2 * std::numbers::pi * i / 400);
                    const Complex z = interval.center() + interval.radius() * (w + 1.0 / w) / 2.0;
                    EXPECT_LE(std::abs(z), ellipse.modulus_max() * (1 + 1e-12));
                    const double modulus = std::abs(function(z));
                    EXPECT_LE(modulus, bound * (1 + 1e-9)) << name << " at " << z << " rho " << rho;
                    EXPECT_LE(1 / modulus, reciprocal_bound * (1 + 1e-9)) << name << " at " << z << " rho " << rho;
                }
            }
        }
    }
    EXPECT_GT(finite_bounds, 150);
}

TEST(TargetFunction, GeluByTanhIsAsPublished) {
    // torch.nn.functional.gelu(x, approximate="tanh")
    const TargetFunction gelu = target_function("gelu_tanh");
    EXPECT_NEAR(gelu(1.0), 0.8411919906, 1e-9);
    EXPECT_NEAR(gelu(-2.5), -0.0150842661, 1e-9);
    EXPECT_NEAR(gelu(Real(1)).convert_to<double>(), gelu(1.0), 1e-14);
}

TEST(TargetFunction, BoundsEndAtSingularities) {
    EXPECT_TRUE(std::isinf(target_function("sigmoid").bound({{-1, 1}, 7})));  // pole at iπ
    EXPECT_TRUE(std::isinf(target_function("tanh").bound({{-1, 1}, 4})));     // pole at iπ/2
    EXPECT_TRUE(std::isinf(target_function("inverse_sqrt").bound({{0.5, 1}, 20})));
    EXPECT_TRUE(std::isinf(target_function("relu").bound({{-1, 1}, 1.5})));
    EXPECT_EQ(target_function("relu").bound({{-3, -1}, 1.5}), 0.0);
    EXPECT_TRUE(std::isinf(target_function("squared_relu").bound({{-1, 1}, 1.5})));
    EXPECT_EQ(target_function("squared_relu").bound({{-3, -1}, 1.5}), 0.0);
    EXPECT_TRUE(std::isinf(target_function("square").reciprocal_bound({{-1, 1}, 1.5})));
    EXPECT_TRUE(std::isfinite(target_function("square").reciprocal_bound({{-3, -1}, 1.5})));
    EXPECT_TRUE(std::isfinite(target_function("gelu").bound({{-1, 1}, 8})));
}

}  // namespace
}  // namespace polyformer::approx
