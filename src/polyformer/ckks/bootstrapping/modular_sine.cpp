#include "polyformer/ckks/bootstrapping/modular_sine.h"

#include <algorithm>
#include <boost/math/constants/constants.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>

#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

// Divided differences over 30 nodes cancel some 35 digits.
using Real = boost::multiprecision::cpp_bin_float_100;

/// Nodes K·y, ascending, as often as derivatives are matched: 0, ±1, … ±(K−1), and again from the start.
std::vector<int> interpolation_nodes(int interval, int count) {
    std::vector<int> nodes;
    while (static_cast<int>(nodes.size()) < count) {
        const int place = static_cast<int>(nodes.size()) % (2 * interval - 1);
        nodes.push_back(place % 2 == 0 ? -place / 2 : (place + 1) / 2);
    }
    std::sort(nodes.begin(), nodes.end());
    return nodes;
}

class Cosine {
  public:
    explicit Cosine(const BootstrappingLiteral& literal) {
        const Real turns = std::ldexp(1.0, literal.double_angles);
        frequency_ = 2 * boost::math::constants::pi<Real>() / turns;
        interval_ = literal.interval;
        phase_ = std::round(std::ldexp(0.25, literal.double_angles) + 0.25) - 0.25;
    }
    /// Derivative by y at y = node / K, divided by order!.
    Real taylor_coefficient(int node, int order) const {
        Real value = cos(frequency_ * (node + phase_) + order * boost::math::constants::half_pi<Real>());
        for (int j = 1; j <= order; ++j) value *= frequency_ * interval_ / j;
        return value;
    }

  private:
    Real frequency_;
    Real interval_;
    double phase_;
};

/// f[y_0], f[y_0, y_1], … (Hermite: equal nodes are adjacent).
std::vector<Real> divided_differences(const Cosine& cosine, const std::vector<int>& nodes, int interval) {
    const std::size_t count = nodes.size();
    std::vector<Real> current(count);
    for (std::size_t i = 0; i < count; ++i) current[i] = cosine.taylor_coefficient(nodes[i], 0);
    std::vector<Real> differences{current[0]};
    for (std::size_t order = 1; order < count; ++order) {
        for (std::size_t i = 0; i + order < count; ++i) {
            const int distance = nodes[i + order] - nodes[i];
            current[i] = distance == 0 ? cosine.taylor_coefficient(nodes[i], static_cast<int>(order))
                                       : Real((current[i + 1] - current[i]) * interval / distance);
        }
        differences.push_back(current[0]);
    }
    return differences;
}

/// series·(y − root), in Chebyshev basis: y·T_0 = T_1, y·T_k = (T_{k−1} + T_{k+1})/2.
std::vector<Real> times_linear(const std::vector<Real>& series, const Real& root) {
    std::vector<Real> product(series.size() + 1);
    for (std::size_t k = 0; k < series.size(); ++k) {
        product[k] -= series[k] * root;
        product[k + 1] += k == 0 ? series[k] : Real(series[k] / 2);
        if (k > 0) product[k - 1] += series[k] / 2;
    }
    return product;
}

}  // namespace

std::vector<double> modular_sine_series(const BootstrappingLiteral& literal) {
    require(literal.cosine_degree >= 2 * literal.interval - 2,
            "cosine_degree {} is too low for interval {}: interpolating at its {} integers takes degree {}",
            literal.cosine_degree, literal.interval, 2 * literal.interval - 1, 2 * literal.interval - 2);
    const Cosine cosine(literal);
    const std::vector<int> nodes = interpolation_nodes(literal.interval, literal.cosine_degree + 1);
    const std::vector<Real> differences = divided_differences(cosine, nodes, literal.interval);
    std::vector<Real> series{differences.back()};
    for (std::size_t i = nodes.size() - 1; i-- > 0;) {
        series = times_linear(series, Real(nodes[i]) / literal.interval);
        series[0] += differences[i];
    }
    std::vector<double> coefficients;
    for (const Real& coefficient : series) coefficients.push_back(static_cast<double>(coefficient));
    return coefficients;
}

}  // namespace polyformer::ckks
