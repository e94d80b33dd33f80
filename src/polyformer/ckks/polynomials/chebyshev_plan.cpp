#include "polyformer/ckks/polynomials/chebyshev_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>

#include "polyformer/ckks/polynomials/polynomial_evaluation.h"

namespace polyformer::ckks {

namespace {

int greatest_power_of_two(int value) {
    return static_cast<int>(std::bit_floor(static_cast<unsigned>(value)));
}

void trim(std::vector<double>& coefficients) {
    while (coefficients.size() > 1 && coefficients.back() == 0) coefficients.pop_back();
}

/// Divides by T_g, g ≤ degree < 2g: `series` becomes the remainder, the quotient is returned.
std::vector<double> divide(std::vector<double>& series, int g) {
    const auto divisor = static_cast<std::size_t>(g);
    std::vector<double> quotient(series.size() - divisor, 0.0);
    quotient[0] = series[divisor];
    for (std::size_t k = series.size() - 1; k > divisor; --k) {
        quotient[k - divisor] = 2 * series[k];
        series[2 * divisor - k] -= series[k];
    }
    series.resize(divisor);
    trim(series);
    return quotient;
}

/// `width`: series of lower degree are not divided where levels allow.
ChebyshevNode split(std::vector<double> series, int depth, int width) {
    ChebyshevNode node;
    node.depth = depth;
    trim(series);
    for (auto degree = static_cast<int>(series.size()) - 1;
         degree >= 2 && (degree >= width || chebyshev_level(degree) + 1 > depth);
         degree = static_cast<int>(series.size()) - 1) {
        const int g = greatest_power_of_two(degree);
        std::vector<double> quotient = divide(series, g);
        if (quotient.size() == 1) {
            node.terms.push_back({g, quotient[0]});
        } else {
            node.products.push_back({std::make_unique<ChebyshevNode>(split(std::move(quotient), depth - 1, width)), g});
        }
    }
    node.constant = series[0];
    for (std::size_t k = 1; k < series.size(); ++k) {
        if (series[k] != 0) node.terms.push_back({static_cast<int>(k), series[k]});
    }
    return node;
}

int collect(const ChebyshevNode& node, std::set<int>& needed) {
    int products = static_cast<int>(node.products.size());
    for (const ChebyshevTerm& term : node.terms) needed.insert(term.index);
    for (const ChebyshevProduct& product : node.products) {
        needed.insert(product.power);
        products += collect(*product.quotient, needed);
    }
    return products;
}

/// The split of k whose operands add fewest indices to those needed already.
ChebyshevStep cheapest_step(int k, const std::set<int>& needed) {
    const int half = greatest_power_of_two(k - 1);  // operands up to it lie a level above T_k, as they must
    ChebyshevStep best{half, k - half};
    std::optional<int> best_cost;
    for (int b = k / 2; b >= k - half; --b) {
        const int a = k - b;
        std::set<int> added;
        for (const int index : {a, b, a - b}) {
            if (index > 1 && !needed.contains(index)) added.insert(index);
        }
        const auto cost = static_cast<int>(added.size());
        if (!best_cost || cost < *best_cost) {
            best = {a, b};
            best_cost = cost;
        }
    }
    return best;
}

std::map<int, ChebyshevStep> plan_powers(std::set<int> needed) {
    std::map<int, ChebyshevStep> steps;
    while (!needed.empty()) {
        const int k = *needed.rbegin();
        needed.erase(k);
        if (k < 2) break;
        const ChebyshevStep step = cheapest_step(k, needed);
        steps[k] = step;
        for (const int index : {step.a, step.b, step.a - step.b}) {
            if (index > 1) needed.insert(index);
        }
    }
    return steps;
}

}  // namespace

int chebyshev_level(int index) {
    return std::bit_width(static_cast<unsigned>(index - 1));
}

ChebyshevPlan plan_chebyshev(std::span<const double> coefficients, int depth) {
    std::optional<ChebyshevPlan> best;
    for (int width = 2; width <= 2 * static_cast<int>(coefficients.size()) || !best; width *= 2) {
        ChebyshevPlan plan;
        std::vector<double> series(coefficients.begin(), coefficients.end());
        if (series.empty()) series.push_back(0);
        plan.root = split(std::move(series), depth, width);
        std::set<int> needed;
        plan.products = collect(plan.root, needed);
        plan.powers = plan_powers(std::move(needed));
        plan.products += static_cast<int>(plan.powers.size());
        if (!best || plan.products < best->products) best = std::move(plan);
    }
    return *std::move(best);
}

int ChebyshevSeries::depth() const {
    return std::max(1, static_cast<int>(std::bit_width(degree())));
}

int chebyshev_products(std::size_t degree) {
    // Coefficients among which no remainder vanishes by accident.
    ChebyshevSeries series;
    for (std::size_t k = 0; k <= degree; ++k) {
        series.coefficients.push_back(1 / std::sqrt(static_cast<double>(k) + 2));
    }
    return plan_chebyshev(series.coefficients, series.depth()).products;
}

}  // namespace polyformer::ckks
