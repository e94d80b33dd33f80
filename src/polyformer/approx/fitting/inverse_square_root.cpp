#include "polyformer/approx/fitting/inverse_square_root.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/approx/fitting/degree_search.h"
#include "polyformer/support/error.h"

namespace polyformer::approx {
namespace {

constexpr std::size_t max_depth = 32;
// The coefficients of a step are rounded to double, which moves α·t − β·t³ by less than this for |t − 1| < 1.
constexpr double step_rounding = 16 * std::numeric_limits<double>::epsilon();

/// The best step for |t − 1| ≤ δ, t = y·√v, and the error after it. α·t − β·t³ is largest at t² = 1 + δ²/3 and least at
/// both ends if α = β(3 + δ²); there it is 2β(1 + δ²/3)^(3/2) and 2β(1 − δ²), which β centres about 1.
std::pair<NewtonStep, double> best_step(double error) {
    const double square = error * error;
    const double peak = std::pow(1 + square / 3, 1.5);
    const double end = 1 - square;
    const double cubic = 1 / (peak + end);
    const double peak_less_end = std::expm1(1.5 * std::log1p(square / 3)) + square;
    return {{cubic * (3 + square), cubic}, peak_less_end / (peak + end) + step_rounding};
}

double error_after(std::size_t steps, double error) {
    for (std::size_t i = 0; i < steps; ++i) error = best_step(error).second;
    return error;
}

/// The largest error of a start from which `steps` steps lead to `error_budget`, by bisection; 0 if there is none.
double start_budget(std::size_t steps, double error_budget) {
    if (steps == 0) return error_budget;
    double enough = 0;
    double too_large = 1;
    for (int i = 0; i < 60; ++i) {
        const double middle = (enough + too_large) / 2;
        (error_after(steps, middle) <= error_budget ? enough : too_large) = middle;
    }
    return enough;
}

InverseSquareRootPlan make_plan(const Approximation& start, std::size_t steps) {
    InverseSquareRootPlan plan{start.polynomial, {}, 0, 0, start.certified_error};
    for (std::size_t i = 0; i < steps; ++i) {
        const auto [step, error] = best_step(plan.max_relative_error);
        plan.newton_steps.push_back(step);
        plan.max_relative_error = error;
    }
    plan.depth = plan.start.depth() + steps * newton_step_depth;
    plan.products = products_of_degree(plan.start.degree()) + steps * newton_step_products;
    return plan;
}

void require_arguments(std::size_t depth, std::size_t max_start_degree) {
    require(depth >= 1 && depth <= max_depth, "a depth of {} for 1/sqrt: choose one from 1 to {}", depth, max_depth);
    require(max_start_degree >= 1 && max_start_degree <= max_degree,
            "a start of degree at most {} for 1/sqrt: choose a limit from 1 to {}", max_start_degree, max_degree);
}

/// The highest degree that fits in `depth` levels, `limit` at most.
std::size_t degree_within(std::size_t depth, std::size_t limit) {
    if (depth >= depth_of_degree(max_degree)) return limit;
    return std::min(limit, (std::size_t{1} << depth) - 1);
}

}  // namespace

double InverseSquareRootPlan::operator()(double v) const {
    double y = start(v);
    for (const NewtonStep& step : newton_steps) y = step.linear * y - step.cubic * v * y * (y * y);
    return y;
}

std::size_t products_of_degree(std::size_t degree) {
    if (degree < 2) return 0;
    std::size_t fewest = degree - 1;  // T_2 ... T_degree, all computed
    for (std::size_t baby = 2; baby <= degree; baby *= 2) {
        std::size_t giants = 1;
        while (baby << giants <= degree) ++giants;
        const std::size_t blocks = degree / baby + 1;
        fewest = std::min(fewest, (baby - 1) + (giants - 1) + (blocks - 1));
    }
    return fewest;
}

InverseSquareRootPlan inverse_square_root(Interval interval, std::size_t depth, std::size_t max_start_degree) {
    require_arguments(depth, max_start_degree);
    const TargetFunction target = target_function("inverse_sqrt");
    std::optional<InverseSquareRootPlan> best;
    std::optional<Approximation> start;
    std::size_t start_degree = 0;
    for (std::size_t steps = 0; steps * newton_step_depth < depth; ++steps) {
        const std::size_t degree = degree_within(depth - steps * newton_step_depth, max_start_degree);
        if (!start || degree != start_degree) start = minimax(target, interval, degree, ErrorKind::relative);
        start_degree = degree;
        if (steps > 0 && start->certified_error >= 1) continue;
        InverseSquareRootPlan plan = make_plan(*start, steps);
        if (!best || plan.max_relative_error < best->max_relative_error) best = std::move(plan);
    }
    return *best;
}

InverseSquareRootPlan cheapest_inverse_square_root(Interval interval, std::size_t depth, double error_budget,
                                                   std::size_t max_start_degree) {
    require_arguments(depth, max_start_degree);
    const TargetFunction target = target_function("inverse_sqrt");
    require_defined(target, interval);
    std::optional<InverseSquareRootPlan> best;
    for (std::size_t steps = 0; steps * newton_step_depth < depth; ++steps) {
        const std::size_t highest = degree_within(depth - steps * newton_step_depth, max_start_degree);
        const double budget = start_budget(steps, error_budget);
        if (!(budget > 0)) continue;
        const DegreeSearch search = search_degree(target, interval, budget, ErrorKind::relative, highest);
        if (!search.met) continue;
        // A higher degree that costs no more is more exact for nothing.
        const std::size_t lowest = search.best.polynomial.degree();
        std::size_t degree = lowest;
        while (degree < highest && products_of_degree(degree + 1) == products_of_degree(lowest) &&
               depth_of_degree(degree + 1) == depth_of_degree(lowest)) {
            ++degree;
        }
        InverseSquareRootPlan plan =
            make_plan(degree == lowest ? search.best : minimax(target, interval, degree, ErrorKind::relative), steps);
        const auto rank = [](const InverseSquareRootPlan& p) {
            return std::tuple(p.products, p.depth, p.max_relative_error);
        };
        if (!best || rank(plan) < rank(*best)) best = std::move(plan);
    }
    if (!best) {
        const InverseSquareRootPlan closest = inverse_square_root(interval, depth, max_start_degree);
        fail(
            "1/sqrt on [{}, {}] cannot be had to a relative error of {:.3g} within depth {} and a start of degree {}; "
            "the best is {:.3g}: allow more depth or error, or narrow the range",
            interval.lower, interval.upper, error_budget, depth, max_start_degree, closest.max_relative_error);
    }
    return *best;
}

}  // namespace polyformer::approx
