#include "polyformer/trainer/conversion/substitution.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/approx/fitting/method.h"
#include "polyformer/support/error.h"
#include "polyformer/train/configuration/degree_choice.h"
#include "polyformer/trainer/descent/loss.h"

namespace polyformer::train {
namespace {

using Json = nlohmann::ordered_json;
using torch::Tensor;

// Depths that the joint choice tries: polynomials of degree 3, 7, 15, 31 and 63.
constexpr std::size_t least_depth = 2;
constexpr std::size_t greatest_depth = 6;
constexpr int curve_points = 65;

approx::Interval widened(SiteKind kind, const SeenRange& seen, double margin) {
    if (kind == SiteKind::variance) {
        const double reach = std::pow(seen.largest / seen.smallest, margin);
        return {seen.smallest / reach, seen.largest * reach};
    }
    const double reach = margin * (seen.largest - seen.smallest);
    return {seen.smallest - reach, seen.largest + reach};
}

approx::MethodResult approximate(const Site& site, const SeenRange& seen, const Substitution& substitution,
                                 std::size_t degree) {
    const approx::ErrorKind kind =
        site.kind == SiteKind::variance ? approx::ErrorKind::relative : approx::ErrorKind::absolute;
    return approx::approximate(substitution.method, approx::target_function(site.function),
                               widened(site.kind, seen, substitution.margin), degree, kind, &seen.histogram);
}

model::Polynomial as_polynomial(const approx::ChebyshevPolynomial& fit) {
    return {fit.lower, fit.upper, fit.coefficients};
}

// What was seen becomes the interval that range minimisation holds on to.
void put_in(Site& site, const approx::ChebyshevPolynomial& polynomial, const SeenRange& seen) {
    site.polynomial = as_polynomial(polynomial);
    site.lower = seen.smallest;
    site.upper = seen.largest;
}

// The stretches that budgets are for: half a layer each. Sites without a budget stand alone and keep their degree.
struct Stretch {
    std::vector<std::size_t> sites;
    std::size_t budget = 0;
};

std::vector<Stretch> stretches_of(const std::vector<Site>& sites, const Substitution& substitution) {
    std::map<std::string, Stretch> halves;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        // "layers.0.attention_norm.inverse_sqrt" and "layers.0.attention.activation" share "layers.0.attention".
        const std::string& name = sites[i].name;
        for (const auto& [part, budget] : {std::pair(".attention", substitution.attention_depth),
                                           std::pair(".feed_forward", substitution.feed_forward_depth)}) {
            const std::size_t at = name.find(part);
            if (at == std::string::npos || budget == 0) continue;
            Stretch& half = halves[name.substr(0, at) + part];
            half.sites.push_back(i);
            half.budget = budget;
        }
    }
    std::vector<Stretch> all;
    for (auto& [name, half] : halves) all.push_back(std::move(half));
    return all;
}

std::size_t fixed_degree(const Site& site, const Substitution& substitution) {
    if (site.function == "square") return 2;
    switch (site.kind) {
        case SiteKind::scores:
            return substitution.scores_degree;
        case SiteKind::hidden:
            return substitution.hidden_degree;
        case SiteKind::variance:
            return substitution.inverse_sqrt_degree;
    }
    return 0;
}

// Substitutes one site at a time, the others exact.
class Trial {
  public:
    Trial(Network& model, const std::vector<Batch>& blocks)
        : model_(model), blocks_(blocks), exact_loss_(mean_loss(model, blocks)) {}

    double loss_change(std::size_t site, const model::Polynomial& polynomial) {
        model_.sites[site].polynomial = polynomial;
        const double loss = mean_loss(model_, blocks_);
        model_.sites[site].polynomial.reset();
        return loss - exact_loss_;
    }

  private:
    Network& model_;
    const std::vector<Batch>& blocks_;
    double exact_loss_;
};

Json error_curve(const Site& site, const approx::ChebyshevPolynomial& polynomial) {
    const approx::TargetFunction target = approx::target_function(site.function);
    const bool logarithmic = site.kind == SiteKind::variance;
    Json x_values = Json::array();
    Json exact_values = Json::array();
    Json errors = Json::array();
    for (int i = 0; i < curve_points; ++i) {
        const double share = static_cast<double>(i) / (curve_points - 1);
        const double inside = logarithmic ? polynomial.lower * std::pow(polynomial.upper / polynomial.lower, share)
                                          : polynomial.lower + (polynomial.upper - polynomial.lower) * share;
        const double x = std::clamp(inside, polynomial.lower, polynomial.upper);
        const double exact = target(x);
        x_values.push_back(x);
        exact_values.push_back(exact);
        errors.push_back(logarithmic ? polynomial(x) / exact - 1 : polynomial(x) - exact);
    }
    return {{"x", x_values}, {"exact", exact_values}, {"error", errors}};
}

// A half of a layer waits for its norm, then for its function.
Json depth_of(const Network& model) {
    std::size_t total = 0;
    for (const Site& site : model.sites) total += approx::depth_of_degree(site.polynomial->coefficients.size() - 1);
    return {{"per_layer", static_cast<double>(total) / static_cast<double>(model.depth())}, {"total", total}};
}

}  // namespace

void set_target_ranges(std::vector<Site>& sites, const RangeTable& seen, const TargetRanges& targets) {
    const std::vector<SeenRange> rows = seen.rows();
    std::size_t named = 0;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        Site& site = sites[i];
        if (site.kind == SiteKind::variance) {
            const double mean = std::exp(rows[i].mean_log);
            site.lower = mean / std::sqrt(targets.variance_ratio);
            site.upper = mean * std::sqrt(targets.variance_ratio);
        } else {
            site.upper = site.kind == SiteKind::scores ? targets.scores : targets.hidden;
            site.lower = -site.upper;
        }
        const auto wanted = targets.sites.find(site.name);
        if (wanted == targets.sites.end()) continue;
        site.lower = wanted->second.lower;
        site.upper = wanted->second.upper;
        require(site.kind != SiteKind::variance || site.lower > 0, "ranges.sites.{}: variances are positive, not {}",
                site.name, site.lower);
        ++named;
    }
    std::string known;
    for (const Site& site : sites) known += " " + site.name;
    require(named == targets.sites.size(), "ranges.sites names a site that this model does not have; it has:{}", known);
}

SubstitutionLog substitute(Network& model, const RangeTable& seen, const Substitution& substitution,
                           const std::vector<Batch>& blocks) {
    const std::string obstacle = model.obstacle();
    require(obstacle.empty(), "{}", obstacle);
    std::vector<Site>& sites = model.sites;
    for (Site& site : sites) site.polynomial.reset();
    const std::vector<SeenRange> rows = seen.rows();
    Trial trial(model, blocks);

    std::vector<approx::MethodResult> picked(sites.size());
    std::vector<double> loss_changes(sites.size());
    std::vector<bool> joint(sites.size(), false);
    Json search = Json::array();
    for (const Stretch& stretch : stretches_of(sites, substitution)) {
        std::vector<std::vector<DepthCost>> costs;
        std::vector<std::vector<approx::MethodResult>> candidates;
        for (const std::size_t i : stretch.sites) {
            auto& site_costs = costs.emplace_back();
            auto& site_candidates = candidates.emplace_back();
            const bool exact = sites[i].function == "square";
            for (std::size_t depth = least_depth; depth <= (exact ? least_depth : greatest_depth); ++depth) {
                const std::size_t degree = exact ? 2 : (std::size_t{1} << depth) - 1;
                site_candidates.push_back(approximate(sites[i], rows[i], substitution, degree));
                const double change =
                    trial.loss_change(i, as_polynomial(site_candidates.back().approximation.polynomial));
                site_costs.push_back({depth, change});
                search.push_back(
                    {{"site", sites[i].name}, {"depth", depth}, {"degree", degree}, {"loss_change", change}});
            }
        }
        const std::vector<std::size_t> choice = choose_depths(costs, stretch.budget);
        for (std::size_t j = 0; j < choice.size(); ++j) {
            const std::size_t i = stretch.sites[j];
            joint[i] = true;
            picked[i] = std::move(candidates[j][choice[j]]);
            loss_changes[i] = costs[j][choice[j]].loss_change;
        }
    }
    for (std::size_t i = 0; i < sites.size(); ++i) {
        if (joint[i]) continue;
        picked[i] = approximate(sites[i], rows[i], substitution, fixed_degree(sites[i], substitution));
        loss_changes[i] = trial.loss_change(i, as_polynomial(picked[i].approximation.polynomial));
    }

    Json log = Json::array();
    for (std::size_t i = 0; i < sites.size(); ++i) {
        Site& site = sites[i];
        const approx::ChebyshevPolynomial& polynomial = picked[i].approximation.polynomial;
        put_in(site, polynomial, rows[i]);
        log.push_back({{"site", site.name},
                       {"function", site.function},
                       {"method", substitution.method},
                       {"degree", polynomial.degree()},
                       {"depth", polynomial.depth()},
                       {"interval", {polynomial.lower, polynomial.upper}},
                       {"seen", {rows[i].smallest, rows[i].largest}},
                       {"max_error", picked[i].approximation.max_grid_error},
                       {"mean_error", picked[i].mean_error},
                       {"loss_change", loss_changes[i]},
                       {"curve", error_curve(site, polynomial)}});
    }
    return {{"substitution", log}, {"degree_search", search}, {"depth", depth_of(model)}};
}

Json recalibrate(Network& model, const RangeTable& seen, const Substitution& substitution) {
    const std::vector<SeenRange> rows = seen.rows();
    Json log = Json::array();
    for (std::size_t i = 0; i < model.sites.size(); ++i) {
        Site& site = model.sites[i];
        require(site.polynomial.has_value(), "{} has no polynomial to recalibrate", site.name);
        const std::size_t degree = site.polynomial->coefficients.size() - 1;
        put_in(site, approximate(site, rows[i], substitution, degree).approximation.polynomial, rows[i]);
        log.push_back({{"site", site.name},
                       {"degree", degree},
                       {"interval", {site.polynomial->lower, site.polynomial->upper}},
                       {"seen", {site.lower, site.upper}}});
    }
    return log;
}

}  // namespace polyformer::train
