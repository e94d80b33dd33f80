#include "polyformer/approx/fitting/method.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "polyformer/approx/fitting/certificate.h"
#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

struct Request {
    const TargetFunction& target;
    Interval interval;
    std::size_t degree;
    ErrorKind kind;
    const Histogram* histogram;  ///< not null for methods that need one
};

Approximation by_minimax(const Request& request) {
    return minimax(request.target, request.interval, request.degree, request.kind);
}

Approximation by_weighted_minimax(const Request& request) {
    const auto& [target, interval, degree, kind, histogram] = request;
    const Weight density = density_weight(*histogram, interval);
    if (kind == ErrorKind::absolute) return minimax(target, interval, degree, density);
    require_defined(target, interval);
    require_no_zero(target, interval);
    const auto relative = [&density, &f = target](double x) { return density.at(x) / std::abs(f(x)); };
    Approximation result = minimax(target, interval, degree, Weight{relative, density.knots});
    const ErrorBounds bounds = certify(target, result.polynomial, kind);
    result.kind = kind;
    result.max_grid_error = bounds.max_grid_error;
    result.certified_error = bounds.certified_error;
    return result;
}

Approximation by_weighted_least_squares(const Request& request) {
    return weighted_least_squares(request.target, request.interval, request.degree, *request.histogram, default_floor,
                                  request.kind)
        .approximation;
}

Approximation by_chebyshev(const Request& request) {
    return chebyshev_interpolation(request.target, request.interval, request.degree, request.kind);
}

struct Method {
    std::string_view name;
    bool weighted = false;
    Approximation (*approximate)(const Request&);
};

constexpr std::array methods{
    Method{"minimax", false, by_minimax},
    Method{"weighted_minimax", true, by_weighted_minimax},
    Method{"weighted_least_squares", true, by_weighted_least_squares},
    Method{"chebyshev", false, by_chebyshev},
};

}  // namespace

std::vector<std::string> method_names() {
    std::vector<std::string> names;
    for (const Method& method : methods) names.emplace_back(method.name);
    return names;
}

MethodResult approximate(std::string_view method, const TargetFunction& target, Interval interval, std::size_t degree,
                         ErrorKind kind, const Histogram* histogram) {
    const auto* chosen = std::ranges::find(methods, method, &Method::name);
    if (chosen == methods.end()) {
        fail("no method of approximation is called '{}': use one of {}", method, fmt::join(method_names(), ", "));
    }
    require(histogram != nullptr || !chosen->weighted,
            "'{}' weights errors by the distribution of the inputs, but there is no histogram of {}'s: measure one, or "
            "use 'minimax'",
            method, target.name);
    MethodResult result{chosen->approximate({target, interval, degree, kind, histogram}), 0};
    const Histogram evenly{{interval.lower, interval.upper}, {1}};
    result.mean_error =
        mean_error(target, result.approximation.polynomial, kind, histogram != nullptr ? *histogram : evenly);
    return result;
}

}  // namespace polyformer::approx
