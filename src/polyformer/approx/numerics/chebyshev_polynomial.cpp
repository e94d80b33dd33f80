#include "polyformer/approx/numerics/chebyshev_polynomial.h"

#include <bit>
#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

template <class Number>
Number clenshaw(const ChebyshevPolynomial& polynomial, const Number& x) {
    if (polynomial.coefficients.empty()) return Number(0);
    const Number lower(polynomial.lower);
    const Number upper(polynomial.upper);
    const Number u = (x - lower + (x - upper)) / (upper - lower);
    const Number twice_u = u + u;
    Number next(0);
    Number after_next(0);
    for (std::size_t k = polynomial.coefficients.size() - 1; k > 0; --k) {
        Number current = twice_u * next - after_next + polynomial.coefficients[k];
        after_next = next;
        next = current;
    }
    return u * next - after_next + polynomial.coefficients[0];
}

}  // namespace

void require_proper(Interval interval) {
    require(std::isfinite(interval.lower) && std::isfinite(interval.upper),
            "interval [{}, {}] is not finite: give two finite ends", interval.lower, interval.upper);
    require(interval.lower < interval.upper,
            "interval [{}, {}] is empty: the lower end must be below the upper one (widen it to at least what was "
            "measured)",
            interval.lower, interval.upper);
    require(std::isfinite(interval.upper - interval.lower) && interval.radius() > 0,
            "interval [{}, {}] has no representable width: scale the input first", interval.lower, interval.upper);
}

std::size_t depth_of_degree(std::size_t degree) {
    return static_cast<std::size_t>(std::bit_width(degree));
}

double ChebyshevPolynomial::operator()(double x) const {
    return clenshaw(*this, x);
}

Real ChebyshevPolynomial::operator()(const Real& x) const {
    return clenshaw(*this, x);
}

ChebyshevPolynomial ChebyshevPolynomial::derivative() const {
    ChebyshevPolynomial result{lower, upper, {}};
    const std::size_t size = coefficients.size();
    if (size < 2) return result;
    // d_{k-1} = d_{k+1} + 2k·c_k, then d_0 halved; the chain rule divides by the interval's radius.
    std::vector<double> d(size + 1, 0.0);
    for (std::size_t k = size - 1; k > 0; --k) d[k - 1] = d[k + 1] + 2.0 * static_cast<double>(k) * coefficients[k];
    d[0] /= 2;
    d.resize(size - 1);
    for (double& value : d) value /= interval().radius();
    result.coefficients = std::move(d);
    return result;
}

}  // namespace polyformer::approx
