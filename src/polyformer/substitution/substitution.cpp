#include "polyformer/substitution/substitution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "polyformer/model/interpreter/operations.h"
#include "polyformer/substitution/import_report.h"
#include "polyformer/substitution/measurement/site_statistics.h"
#include "polyformer/substitution/polynomials/composed_inverse.h"
#include "polyformer/substitution/polynomials/degree_choice.h"
#include "polyformer/substitution/polynomials/prices.h"
#include "polyformer/substitution/polynomials/site_fit.h"
#include "polyformer/substitution/polynomials/trial.h"
#include "polyformer/substitution/softmax/constant_heads.h"
#include "polyformer/substitution/softmax/score_shifts.h"
#include "polyformer/substitution/softmax/second_shift.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::substitution {
namespace {

using model::Apply;
using model::Functions;
using model::Graph;
using model::NodeId;
using model::Tensor;

constexpr std::size_t kTrialTexts = 24;
/// Heads steadier than this may be folded, as long as all of them together cost no more than this share of the loss.
constexpr double kMostSpread = 0.02;
constexpr double kFoldingShare = 0.1;
/// Losses of sites alone add up only roughly, so that the first choice leaves a part of the budget.
constexpr double kChoiceShare = 0.5;
constexpr int kChoices = 3;
/// Mean relative error that noise may bring into the sums of a softmax.
constexpr double kMostErrorByNoise = 1e-3;
/// Of the polynomials in a second shift: absolute of a logarithm, relative of a sum.
constexpr double kMostErrorOfLog = 0.1;
constexpr double kMostErrorOfSums = 0.05;
/// A reciprocal that loses more than this share of the budget at the highest degree gets a start of this degree before
/// it.
constexpr double kMostOfOneInverse = 0.15;
constexpr std::size_t kStartDegree = 31;
constexpr int kMostStarts = 2;
/// Room for rounding around an interval that arithmetic alone gives.
constexpr double kRounding = 1.001;
/// Values beyond their bounds cost precision before they cost the answer: room for texts of other kinds.
constexpr double kBoundMargin = 1.25;
/// An option this far below its share of the budget needs no higher degree beside it.
constexpr double kFarBelow = 0.01;

constexpr std::size_t kLeastTexts = 16;

struct FoldedHead {
    std::size_t attention = 0;
    std::size_t head = 0;
    double spread = 0;
    double loss = 0;
};

class Substitution {
  public:
    Substitution(Graph graph, const CalibrationTexts& texts, const SubstitutionOptions& options)
        : texts_(texts),
          options_(options),
          original_(std::move(graph)),
          graph_(original_),
          prices_(original_),
          trial_(original_, texts.held_out.part(0, kTrialTexts), options.kind) {}

    Substituted run() {
        fit_attention();
        measure();
        if (add_second_shifts()) {
            measure();
            fix_second_shifts();
            measure();
        }
        for (int round = 0; round < kMostStarts && compose_inverses(); ++round) measure();
        try_degrees();
        for (int choice = 0; choice < kChoices; ++choice) {
            choose(options_.loss * kChoiceShare * std::pow(0.25, choice));
            check();
            if (losses_.mean <= options_.loss) break;
        }
        set_bounds();
        nlohmann::ordered_json report = to_json(findings());
        return {std::move(graph_), std::move(report)};
    }

  private:
    struct Site {
        SiteInterval interval;
        std::vector<SiteFit> fits;  ///< for each option
        std::vector<DegreeOption> options;
        std::size_t pick = 0;
        std::size_t outside = 0;
    };

    /// A pass over some texts, with a bar.
    void pass(const std::string& title, const Texts& texts, Functions functions, const model::Observer& observer) {
        if (texts.count() == 0) return;
        Progress bar(title, static_cast<double>(texts.token_count()), options_.quiet);
        evaluate_texts(graph_, texts, functions, observer,
                       [&](std::size_t tokens) { bar.update(static_cast<double>(tokens)); });
        bar.finish();
    }

    void fit_attention() {
        if (softmax_attentions(graph_).empty()) return;
        ShiftFit shifts(graph_);
        PatternFit patterns(graph_);
        pass("Predicting log-sum-exps", texts_.sample, Functions::exact,
             [&](NodeId node, std::span<const Tensor> values) {
                 shifts.observe(node, values);
                 patterns.observe(node, values);
             });
        attentions_ = shifts.attentions();
        residuals_ = shifts.apply_to(graph_);
        fold_heads(patterns.find(kMostSpread));
    }

    void fold_heads(const std::vector<ConstantHead>& candidates) {
        double loss = trial_.loss(graph_, Functions::exact).mean;
        for (const ConstantHead& head : candidates) {
            const SoftmaxAttention& attention = attentions_[head.attention];
            std::vector<std::pair<NodeId, model::Operation>> before;
            const NodeId query = std::get<model::AttentionScores>(graph_.nodes[attention.scores].operation).query;
            if (!std::holds_alternative<model::Linear>(graph_.nodes[query].operation)) continue;
            for (const NodeId node : {query, attention.scores, attention.shift, attention.values, attention.sums}) {
                before.emplace_back(node, graph_.nodes[node].operation);
            }
            fold(graph_, attention, head);
            const double after = trial_.loss(graph_, Functions::exact).mean;
            if (after <= kFoldingShare * options_.loss) {
                folded_.push_back({head.attention, head.head, head.spread, after - loss});
                loss = after;
                continue;
            }
            for (auto& [node, operation] : before) graph_.nodes[node].operation = std::move(operation);
        }
    }

    void measure() {
        StatisticsCollector collector(graph_);
        for (const Purpose purpose : {Purpose::sample, Purpose::stress}) {
            const bool sample = purpose == Purpose::sample;
            pass(sample ? "Measuring inputs of functions" : "Measuring how far they reach",
                 sample ? texts_.sample : texts_.stress, Functions::exact,
                 [&](NodeId node, std::span<const Tensor> values) { collector.observe(node, values, purpose); });
        }
        seen_ = collector.statistics();
        require(!seen_.sites.empty(), "the graph names no function that a polynomial could replace");
        sites_.assign(seen_.sites.size(), {});
        set_intervals();
    }

    /// Sums that spread too far for what a bootstrap leaves of their precision get another shift; whether there were
    /// any.
    bool add_second_shifts() {
        bool any = false;
        for (std::size_t a = attentions_.size(); a-- > 0;) {  // from the end: later nodes move
            const auto reads_sums = [&](const SiteStatistics& site) {
                return std::get<model::Apply>(graph_.nodes[site.node].operation).input == attentions_[a].sums;
            };
            const auto site = std::ranges::find_if(seen_.sites, reads_sums);
            if (site == seen_.sites.end()) continue;
            const auto s = static_cast<std::size_t>(site - seen_.sites.begin());
            if (error_by_noise(*site, sites_[s].interval.interval) <= kMostErrorByNoise) continue;
            add_second_shift(graph_, attentions_, a);
            any = true;
        }
        return any;
    }

    /// Polynomials for the first looks, before anything else is measured behind them: they need not be exact, for
    /// softmax does not see shifts, but what they make of the sums decides intervals.
    void fix_second_shifts() {
        for (std::size_t s = 0; s < sites_.size(); ++s) {
            const SiteStatistics& site = seen_.sites[s];
            if (site.function != "exp_half" && site.function != "log") continue;
            // The next site is the logarithm of the sums, where an error in each of the keys counts.
            const double error = site.function == "log" ? kMostErrorOfLog
                                                        : kMostErrorOfSums * sites_[s + 1].interval.interval.lower /
                                                              static_cast<double>(graph_.context);
            SiteFit fit;
            for (const std::size_t degree : options_.degrees) {
                fit = fit_site(site, sites_[s].interval.interval, degree);
                if (fit.largest_error <= error) break;
            }
            auto& apply = std::get<model::Apply>(graph_.nodes[site.node].operation);
            apply.polynomial = fit.polynomial;
            apply.replaces = {};  // no longer a site
            starts_.push_back({site.name, sites_[s].interval, apply.polynomial.coefficients.size() - 1});
        }
    }

    void set_intervals() {
        const double each = options_.escape / (2 * static_cast<double>(sites_.size()));
        for (std::size_t s = 0; s < sites_.size(); ++s) {
            approx::Interval& interval = sites_[s].interval.interval;
            sites_[s].interval = interval_of(seen_.sites[s], each, options_.margin);
            for (const StartFindings& start : starts_) {
                if (seen_.sites[s].name != start.name + ".rest") continue;
                const approx::Interval rest = inverse_rest(start.interval.interval, start.degree);
                interval.lower = std::max(interval.lower, rest.lower / kRounding);
                interval.upper = std::min(interval.upper, rest.upper * kRounding);
            }
        }
    }

    /// Puts a start before reciprocals that the highest degree alone does not follow; whether there were any.
    bool compose_inverses() {
        std::vector<std::size_t> reciprocals;
        for (std::size_t s = 0; s < sites_.size(); ++s) {
            if (seen_.sites[s].function == "reciprocal") reciprocals.push_back(s);
        }
        std::vector<SiteFit> fits(reciprocals.size());
        parallel_for(reciprocals.size(), [&](std::size_t i) {
            const std::size_t s = reciprocals[i];
            fits[i] = fit_site(seen_.sites[s], sites_[s].interval.interval, options_.degrees.back());
        });
        const double before = trial_.loss(graph_, Functions::exact).mean;
        std::vector<double> losses;
        for (std::size_t i = 0; i < reciprocals.size(); ++i) {
            const NodeId node = seen_.sites[reciprocals[i]].node;
            losses.push_back(trial_.loss_of_site(graph_, node, fits[i].polynomial) - before);
        }
        bool found = false;
        for (std::size_t i = reciprocals.size(); i-- > 0;) {  // from the end: later nodes move
            if (losses[i] <= kMostOfOneInverse * options_.loss) continue;
            const SiteStatistics& site = seen_.sites[reciprocals[i]];
            const SiteInterval& interval = sites_[reciprocals[i]].interval;
            compose_inverse(graph_, site.node, interval.interval, kStartDegree);
            starts_.push_back({site.name, interval, kStartDegree});
            found = true;
        }
        if (!found) return false;
        attentions_ = softmax_attentions(graph_);
        prices_ = Prices(graph_);
        return true;
    }

    void try_degrees() {
        Progress bar("Trying degrees", static_cast<double>(sites_.size() * options_.degrees.size()), options_.quiet);
        const double enough = kFarBelow * options_.loss / static_cast<double>(sites_.size());
        const double before = trial_.loss(graph_, Functions::exact).mean;  // of constant heads
        std::vector<std::vector<SiteFit>> fits(sites_.size(), std::vector<SiteFit>(options_.degrees.size()));
        for (std::size_t d = 0; d < options_.degrees.size(); ++d) {
            const std::size_t degree = options_.degrees[d];
            std::vector<std::size_t> open;
            for (std::size_t s = 0; s < sites_.size(); ++s) {
                const auto& tried = sites_[s].options;
                if (tried.empty() || !(tried.back().loss <= enough)) open.push_back(s);
            }
            parallel_for(open.size(), [&](std::size_t i) {
                fits[open[i]][d] = fit_site(seen_.sites[open[i]], sites_[open[i]].interval.interval, degree);
            });
            for (const std::size_t s : open) {
                const NodeId node = seen_.sites[s].node;
                const double loss = std::max(0.0, trial_.loss_of_site(graph_, node, fits[s][d].polynomial) - before);
                sites_[s].options.push_back({degree, loss, prices_.of(node, degree)});
                sites_[s].fits.push_back(std::move(fits[s][d]));
                bar.update(static_cast<double>(d * sites_.size() + s + 1), seen_.sites[s].name);
            }
        }
        bar.finish();
    }

    void choose(double budget) {
        std::vector<std::vector<DegreeOption>> options;
        for (const Site& site : sites_) options.push_back(site.options);
        const std::vector<std::size_t> picks = choose_degrees(options, budget);
        for (std::size_t s = 0; s < sites_.size(); ++s) {
            Site& site = sites_[s];
            site.pick = picks[s];
            require(std::isfinite(site.options[site.pick].loss),
                    "no polynomial of a degree up to {} in place of '{}' ({} on [{:.4g}, {:.4g}]) keeps the output "
                    "finite: calibrate with texts that are more alike, or lower the margin",
                    options_.degrees.back(), seen_.sites[s].name, seen_.sites[s].function, site.interval.interval.lower,
                    site.interval.interval.upper);
            apply_of(s).polynomial = site.fits[site.pick].polynomial;
        }
    }

    Apply& apply_of(std::size_t site) { return std::get<Apply>(graph_.nodes[seen_.sites[site].node].operation); }

    void set_bounds() {
        const double each = options_.escape / static_cast<double>(graph_.nodes.size());
        for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
            std::vector<double> largest;
            for (std::size_t text = 0; text < seen_.lost.size(); ++text) {
                if (!seen_.lost[text]) largest.push_back(static_cast<double>(seen_.largest[id][text]));
            }
            require(!largest.empty(),
                    "no text stays within the intervals of all polynomials: use more calibration text");
            const double reach = std::max(estimate_tail(largest).quantile(each), seen_.stress[id]);
            graph_.nodes[id].bound = reach > 0 ? reach * kBoundMargin : 1.0;
        }
    }

    void check() {
        StatisticsCollector collector(graph_);
        std::vector<std::size_t> outside(sites_.size(), 0);
        Progress bar("Checking held-out texts", static_cast<double>(texts_.held_out.token_count()), options_.quiet);
        losses_ = compare(
            original_, graph_, texts_.held_out, options_.kind,
            [&](NodeId node, std::span<const Tensor> values) { collector.observe(node, values); },
            [&](std::size_t tokens) { bar.update(static_cast<double>(tokens)); });
        bar.finish();
        const GraphStatistics& held_out = collector.statistics();
        for (std::size_t s = 0; s < sites_.size(); ++s) {
            const approx::Interval interval = sites_[s].interval.interval;
            const Coordinate coordinate = seen_.sites[s].coordinate;
            const double lower = to_coordinate(coordinate, interval.lower);
            const double upper = to_coordinate(coordinate, interval.upper);
            sites_[s].outside = held_out.sites[s].lost;
            for (const TextRange& text : held_out.sites[s].texts) {
                sites_[s].outside += text.smallest < lower || text.largest > upper ? 1 : 0;
            }
        }
    }

    Findings findings() const {
        Findings all{.kind = options_.kind,
                     .budget = options_.loss,
                     .loss = losses_,
                     .escape = 0,
                     .wanted_escape = options_.escape,
                     .margin = options_.margin,
                     .sample_texts = texts_.sample.count(),
                     .stress_texts = texts_.stress.count(),
                     .held_out_texts = texts_.held_out.count(),
                     .tokens = texts_.sample.token_count(),
                     .heads = {},
                     .sites = {}};
        for (std::size_t a = 0; a < attentions_.size(); ++a) {
            for (std::size_t head = 0; head < attentions_[a].heads; ++head) {
                const auto folded = std::ranges::find_if(
                    folded_, [&](const FoldedHead& one) { return one.attention == a && one.head == head; });
                all.heads.push_back({.attention = graph_.nodes[attentions_[a].weights].name,
                                     .head = head,
                                     .residual = residuals_[a][head],
                                     .constant = folded != folded_.end(),
                                     .spread = folded != folded_.end() ? folded->spread : 0,
                                     .loss = folded != folded_.end() ? folded->loss : 0});
            }
        }
        for (std::size_t s = 0; s < sites_.size(); ++s) {
            const Site& site = sites_[s];
            all.sites.push_back({.seen = &seen_.sites[s],
                                 .interval = site.interval,
                                 .fit = site.fits[site.pick],
                                 .options = site.options,
                                 .pick = site.pick,
                                 .outside = site.outside});
            all.escape += site.interval.escape;
        }
        all.starts = starts_;
        for (const StartFindings& start : starts_) all.escape += start.interval.escape;
        return all;
    }

    const CalibrationTexts& texts_;
    const SubstitutionOptions& options_;
    Graph original_;
    Graph graph_;
    Prices prices_;
    Trial trial_;
    std::vector<SoftmaxAttention> attentions_;
    std::vector<std::vector<HeadResidual>> residuals_;
    std::vector<FoldedHead> folded_;
    GraphStatistics seen_;
    std::vector<Site> sites_;
    std::vector<StartFindings> starts_;
    LossSummary losses_;
};

}  // namespace

double default_loss(OutputLoss kind) {
    return kind == OutputLoss::cosine ? 5e-4 : 2e-5;
}

Substituted substitute(Graph graph, const CalibrationTexts& texts, const SubstitutionOptions& options) {
    require(texts.sample.count() >= kLeastTexts && texts.held_out.count() > 0,
            "{} texts to calibrate with and {} to check with are too few: give at least {} and 1, better a thousand",
            texts.sample.count(), texts.held_out.count(), kLeastTexts);
    require(!options.degrees.empty() && std::ranges::is_sorted(options.degrees), "degrees to try must ascend");
    return Substitution(std::move(graph), texts, options).run();
}

}  // namespace polyformer::substitution
