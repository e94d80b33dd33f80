#include "polyformer/approx/fitting/target_function.h"

#include <algorithm>
#include <array>
#include <boost/math/constants/constants.hpp>
#include <cmath>
#include <numbers>

#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Real complementary_error_function(const Real& x) {
    Real result;
    mpfr_erfc(result.backend().data(), x.backend().data(), MPFR_RNDN);
    return result;
}

double normal_density(double x) {
    return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}
double normal_distribution(double x) {
    return std::erfc(-x / std::numbers::sqrt2) / 2;
}

/// |Φ(x+iy) − Φ(x)| ≤ |y|·φ(x)·e^{y²/2}, since Φ' = φ and |φ(x+it)| = φ(x)·e^{t²/2}; φ at its largest.
double normal_distribution_deviation(const BernsteinEllipse& ellipse, double density) {
    const double y = ellipse.imaginary_max();
    return y * density * std::exp(y * y / 2);
}

TargetFunction gelu() {
    return {.name = "gelu",
            .value =
                [](const Real& x) {
                    return Real(x / 2 * complementary_error_function(-x / boost::math::constants::root_two<Real>()));
                },
            .value_double = [](double x) { return x * normal_distribution(x); },
            .bound =
                [](const BernsteinEllipse& e) {
                    return e.modulus_max() * (1 + normal_distribution_deviation(e, normal_density(0)));
                },
            .reciprocal_bound =
                [](const BernsteinEllipse& e) {
                    const double x = e.real_min();
                    if (x <= 0) return infinity;
                    const double least = normal_distribution(x) - normal_distribution_deviation(e, normal_density(x));
                    return least > 0 ? 1 / (x * least) : infinity;
                }};
}

TargetFunction relu() {
    return {
        .name = "relu",
        .value = [](const Real& x) { return x > 0 ? x : Real(0); },
        .value_double = [](double x) { return std::max(x, 0.0); },
        .knots = {0.0},
        .bound =
            [](const BernsteinEllipse& e) {
                if (e.foci.upper <= 0) return 0.0;
                return e.foci.lower >= 0 ? e.modulus_max() : infinity;
            },
        .reciprocal_bound = [](const BernsteinEllipse& e) { return e.real_min() > 0 ? 1 / e.real_min() : infinity; }};
}

/// |1/z²|.
double reciprocal_square_bound(const BernsteinEllipse& ellipse) {
    const double distance = std::max(ellipse.real_min(), -ellipse.real_max());
    return distance > 0 ? 1 / (distance * distance) : infinity;
}

TargetFunction squared_relu() {
    return {.name = "squared_relu",
            .value = [](const Real& x) { return x > 0 ? Real(x * x) : Real(0); },
            .value_double = [](double x) { return x > 0 ? x * x : 0.0; },
            .knots = {0.0},
            .bound =
                [](const BernsteinEllipse& e) {
                    if (e.foci.upper <= 0) return 0.0;
                    return e.foci.lower >= 0 ? e.modulus_max() * e.modulus_max() : infinity;
                },
            .reciprocal_bound =
                [](const BernsteinEllipse& e) { return e.real_min() > 0 ? reciprocal_square_bound(e) : infinity; }};
}

TargetFunction square() {
    return {.name = "square",
            .value = [](const Real& x) { return Real(x * x); },
            .value_double = [](double x) { return x * x; },
            .bound = [](const BernsteinEllipse& e) { return e.modulus_max() * e.modulus_max(); },
            .reciprocal_bound = reciprocal_square_bound};
}

/// |1/(1+e^{−z})| for |Im z| ≤ y: |1+e^{−z}| is at least 1 where cos Im z ≥ 0, at least |sin Im z| elsewhere.
double sigmoid_bound(double y) {
    if (y >= std::numbers::pi) return infinity;
    return 1 / std::sin(std::max(y, std::numbers::pi / 2));
}

TargetFunction sigmoid() {
    return {.name = "sigmoid",
            .value = [](const Real& x) { return Real(1 / (1 + exp(-x))); },
            .value_double = [](double x) { return 1 / (1 + std::exp(-x)); },
            .bound = [](const BernsteinEllipse& e) { return sigmoid_bound(e.imaginary_max()); },
            .reciprocal_bound = [](const BernsteinEllipse& e) { return 1 + std::exp(-e.real_min()); }};
}

TargetFunction silu() {
    return {.name = "silu",
            .value = [](const Real& x) { return Real(x / (1 + exp(-x))); },
            .value_double = [](double x) { return x / (1 + std::exp(-x)); },
            .bound = [](const BernsteinEllipse& e) { return e.modulus_max() * sigmoid_bound(e.imaginary_max()); },
            .reciprocal_bound =
                [](const BernsteinEllipse& e) {
                    return e.real_min() > 0 ? (1 + std::exp(-e.real_min())) / e.real_min() : infinity;
                }};
}

/// BERT's first GELU, still asked for as "gelu_new" and "gelu_pytorch_tanh". Its poles follow no closed form that would
/// bound it on an ellipse.
TargetFunction gelu_by_tanh() {
    return {.name = "gelu_tanh",
            .value =
                [](const Real& x) {
                    const Real inner =
                        sqrt(2 / boost::math::constants::pi<Real>()) * (x + Real("0.044715") * x * x * x);
                    return Real(x * (1 + tanh(inner)) / 2);
                },
            .value_double =
                [](double x) {
                    const double inner = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
                    return x * (1 + std::tanh(inner)) / 2;
                },
            .lipschitz = 1.13};
}

TargetFunction hyperbolic_tangent() {
    return {.name = "tanh",
            .value = [](const Real& x) { return Real(tanh(x)); },
            .value_double = [](double x) { return std::tanh(x); },
            .bound = [](const BernsteinEllipse& e) { return 2 * sigmoid_bound(2 * e.imaginary_max()) + 1; },
            .reciprocal_bound =
                [](const BernsteinEllipse& e) {
                    const double distance = std::max(e.real_min(), -e.real_max());
                    return distance > 0 ? 1 / std::tanh(distance) : infinity;
                }};
}

TargetFunction exponential() {
    return {.name = "exp",
            .value = [](const Real& x) { return Real(exp(x)); },
            .value_double = [](double x) { return std::exp(x); },
            .bound = [](const BernsteinEllipse& e) { return std::exp(e.real_max()); },
            .reciprocal_bound = [](const BernsteinEllipse& e) { return std::exp(-e.real_min()); }};
}

TargetFunction exponential_of_half() {
    return {.name = "exp_half",
            .value = [](const Real& x) { return Real(exp(x / 2)); },
            .value_double = [](double x) { return std::exp(x / 2); },
            .bound = [](const BernsteinEllipse& e) { return std::exp(e.real_max() / 2); },
            .reciprocal_bound = [](const BernsteinEllipse& e) { return std::exp(-e.real_min() / 2); }};
}

/// |log z| ≤ |log|z|| + |arg z|.
double logarithm_bound(const BernsteinEllipse& e) {
    if (e.real_min() <= 0) return infinity;
    return std::max(std::abs(std::log(e.real_min())), std::abs(std::log(e.modulus_max()))) + std::numbers::pi / 2;
}

TargetFunction logarithm() {
    return {.name = "log",
            .value = [](const Real& x) { return Real(log(x)); },
            .value_double = [](double x) { return std::log(x); },
            .bound = logarithm_bound,
            .reciprocal_bound = [](const BernsteinEllipse&) { return infinity; },
            .domain_lower = 0};
}

TargetFunction reciprocal() {
    return {.name = "reciprocal",
            .value = [](const Real& x) { return Real(1 / x); },
            .value_double = [](double x) { return 1 / x; },
            .bound = [](const BernsteinEllipse& e) { return e.real_min() > 0 ? 1 / e.real_min() : infinity; },
            .reciprocal_bound = [](const BernsteinEllipse& e) { return e.modulus_max(); },
            .domain_lower = 0};
}

TargetFunction inverse_sqrt() {
    return {
        .name = "inverse_sqrt",
        .value = [](const Real& x) { return Real(1 / sqrt(x)); },
        .value_double = [](double x) { return 1 / std::sqrt(x); },
        .bound = [](const BernsteinEllipse& e) { return e.real_min() > 0 ? 1 / std::sqrt(e.real_min()) : infinity; },
        .reciprocal_bound =
            [](const BernsteinEllipse& e) { return e.real_min() > 0 ? std::sqrt(e.modulus_max()) : infinity; },
        .domain_lower = 0};
}

struct RegisteredFunction {
    std::string_view name;
    TargetFunction (*make)();
};

constexpr std::array registry{
    RegisteredFunction{"gelu", gelu},
    RegisteredFunction{"relu", relu},
    RegisteredFunction{"squared_relu", squared_relu},
    RegisteredFunction{"square", square},
    RegisteredFunction{"sigmoid", sigmoid},
    RegisteredFunction{"silu", silu},
    RegisteredFunction{"tanh", hyperbolic_tangent},
    RegisteredFunction{"exp", exponential},
    RegisteredFunction{"reciprocal", reciprocal},
    RegisteredFunction{"inverse_sqrt", inverse_sqrt},
    RegisteredFunction{"gelu_tanh", gelu_by_tanh},
    RegisteredFunction{"exp_half", exponential_of_half},
    RegisteredFunction{"log", logarithm},
};

}  // namespace

double BernsteinEllipse::modulus_max() const {
    return std::hypot(std::max(std::abs(real_min()), std::abs(real_max())), imaginary_max());
}

TargetFunction target_function(std::string_view name) {
    const auto* entry = std::ranges::find(registry, name, &RegisteredFunction::name);
    if (entry == registry.end()) {
        fail("no function is called '{}': use one of {}, or give a TargetFunction of your own", name,
             fmt::join(target_function_names(), ", "));
    }
    return entry->make();
}

std::vector<std::string> target_function_names() {
    std::vector<std::string> names;
    names.reserve(registry.size());
    for (const RegisteredFunction& entry : registry) names.emplace_back(entry.name);
    return names;
}

void require_defined(const TargetFunction& target, Interval interval) {
    require(target.value && target.value_double, "the target function '{}' has no {} value: give both callables",
            target.name, target.value ? "double" : "multiprecision");
    require_proper(interval);
    require(interval.lower > target.domain_lower,
            "{} is defined above {} only, but the interval is [{}, {}]: raise the lower end (for a variance, add an "
            "epsilon to it first)",
            target.name, target.domain_lower, interval.lower, interval.upper);
}

void require_no_zero(const TargetFunction& target, Interval interval) {
    constexpr int samples = 132;
    const bool negative = target(Real(interval.lower)) < 0;
    for (int i = 0; i <= samples; ++i) {
        const Real u = cos(boost::math::constants::pi<Real>() * i / (samples));
        const Real x = (Real(interval.lower) * (1 - u) + Real(interval.upper) * (1 + u)) / 2;
        const Real value = target(x);
        require(value != 0 && (value < 0) == negative,
                "{} has a zero in [{}, {}] (near {:.6g}): a relative error is not defined there; ask for absolute "
                "error",
                target.name, interval.lower, interval.upper, x.convert_to<double>());
    }
}

}  // namespace polyformer::approx
