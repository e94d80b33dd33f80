#include "polyformer/substitution/substitution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/substitution/import_report.h"
#include "polyformer/substitution/steps/attention_step.h"
#include "polyformer/substitution/steps/degree_step.h"
#include "polyformer/substitution/steps/last_check.h"
#include "polyformer/substitution/steps/measured_sites.h"
#include "polyformer/substitution/steps/second_shift_step.h"
#include "polyformer/substitution/steps/start_step.h"
#include "polyformer/support/error.h"

namespace polyformer::substitution {
namespace {

using model::Graph;

constexpr std::size_t kTrialTexts = 24;
constexpr std::size_t kFewestTrialTexts = 6;
constexpr double kTrialProducts = 2e10;  // by all weights of a model together
/// Losses of sites alone add up only roughly, so that the first choice leaves a part of the budget.
constexpr double kChoiceShare = 0.5;
constexpr int kChoices = 3;
constexpr int kMostStarts = 2;
constexpr std::size_t kLeastTexts = 16;
constexpr std::size_t kStreamTexts = 16;  // of the sample, and of the stress texts

/// How many texts to try each polynomial on: fewer for large models.
std::size_t trial_texts(const Graph& graph, const Texts& texts) {
    double weights = 0;
    for (const model::Node& node : graph.nodes) {
        const auto* map = std::get_if<model::Linear>(&node.operation);
        if (map != nullptr) weights += static_cast<double>(map->weight.values.size());
    }
    double products = 0;
    std::size_t count = 0;
    while (count < std::min(kTrialTexts, texts.count()) && (count < kFewestTrialTexts || products < kTrialProducts)) {
        products += weights * static_cast<double>(texts.tokens[count++].size());
    }
    return count;
}

std::vector<std::string> names_of(const Graph& graph) {
    std::vector<std::string> names;
    for (const model::Node& node : graph.nodes) names.push_back(node.name);
    return names;
}

std::vector<HeadFindings> findings_of(const Graph& graph, const FittedAttention& fitted) {
    std::vector<HeadFindings> heads;
    for (std::size_t a = 0; a < fitted.attentions.size(); ++a) {
        for (std::size_t head = 0; head < fitted.attentions[a].heads; ++head) {
            const auto folded = std::ranges::find_if(
                fitted.folded, [&](const FoldedHead& one) { return one.attention == a && one.head == head; });
            const bool constant = folded != fitted.folded.end();
            heads.push_back({.attention = graph.nodes[fitted.attentions[a].weights].name,
                             .head = head,
                             .residual = fitted.residuals[a][head],
                             .constant = constant,
                             .spread = constant ? folded->spread : 0,
                             .loss = constant ? folded->loss : 0});
        }
    }
    return heads;
}

}  // namespace

double default_loss(OutputLoss kind, bool next_tokens) {
    if (kind == OutputLoss::cosine) return 5e-4;
    return next_tokens ? 1e-3 : 2e-5;
}

Substituted substitute(Graph graph, const CalibrationTexts& texts, const SubstitutionOptions& options) {
    require(texts.sample.count() >= kLeastTexts && texts.held_out.count() > 0,
            "{} texts to calibrate with and {} to check with are too few: give at least {} and 1, better a thousand",
            texts.sample.count(), texts.held_out.count(), kLeastTexts);
    require(!options.degrees.empty() && std::ranges::is_sorted(options.degrees), "degrees to try must ascend");

    square_exponentials(graph);
    const Graph original = graph;
    const Trial trial(original, texts.held_out.part(0, trial_texts(original, texts.held_out)), options.kind);
    FittedAttention attention = fit_attention(graph, texts.sample, trial, options);

    std::vector<FixedPolynomial> fixed;
    const auto fix = [&](const std::vector<FixedPolynomial>& more) {
        fixed.insert(fixed.end(), more.begin(), more.end());
        return !more.empty();
    };
    GraphStatistics seen = measure(graph, texts, options);
    MeasuredSites sites = sites_of(graph, seen, options, fixed);
    const auto measure_again = [&] {
        seen = measure(graph, texts, options);
        sites = sites_of(graph, seen, options, fixed);
    };
    if (add_second_shifts(graph, attention.attentions, sites)) {
        measure_again();
        fix(fix_second_shifts(graph, sites, options));
        measure_again();
    }
    for (int round = 0; round < kMostStarts; ++round) {
        const std::vector<std::string> names = names_of(graph);
        if (!fix(compose_inverses(graph, sites, trial, options))) break;
        seen = measure_added(graph, names, seen, texts, options);
        sites = sites_of(graph, seen, options, fixed);
    }
    seen = {};
    attention.attentions = softmax_attentions(graph);

    std::vector<TriedDegrees> tried = try_degrees(graph, sites, trial, Prices(graph), options);
    HeldOutResult result;
    for (int choice = 0; choice < kChoices; ++choice) {
        choose(graph, sites, tried, options.loss * kChoiceShare * std::pow(0.25, choice));
        result = check_held_out(original, graph, sites, texts, options);
        if (result.output.loss.mean <= options.loss) break;
    }
    set_bounds(graph, sites.seen, options);

    Findings findings{.kind = options.kind,
                      .budget = options.loss,
                      .output = result.output,
                      .next_tokens = options.next_tokens,
                      .escape = 0,
                      .wanted_escape = options.escape,
                      .margin = options.margin,
                      .sample_texts = texts.sample.count(),
                      .stress_texts = texts.stress.count(),
                      .held_out_texts = texts.held_out.count(),
                      .tokens = texts.sample.token_count(),
                      .heads = findings_of(graph, attention),
                      .sites = {},
                      .starts = fixed};
    for (std::size_t s = 0; s < tried.size(); ++s) {
        findings.sites.push_back({.seen = &sites.seen.sites[s],
                                  .interval = sites.intervals[s],
                                  .fit = tried[s].fits[tried[s].pick],
                                  .options = tried[s].options,
                                  .pick = tried[s].pick,
                                  .outside = result.outside[s]});
        findings.escape += sites.intervals[s].escape;
    }
    for (const FixedPolynomial& one : fixed) findings.escape += one.interval.escape;
    return {std::move(graph), to_json(findings)};
}

TurnedStreams turn_streams(Graph& graph, const CalibrationTexts& texts, bool input_turns) {
    Texts some = texts.sample.part(0, kStreamTexts);
    for (const auto& tokens : texts.stress.part(0, kStreamTexts).tokens) some.tokens.push_back(tokens);
    return turn_streams(graph, some, input_turns);
}

nlohmann::ordered_json to_json(const TurnedStreams& streams) {
    return {{"turned", streams.turned}, {"gain", streams.gain}};
}

std::string describe_stream(const nlohmann::ordered_json& document) {
    if (!document["turned"].get<bool>()) return "";
    return fmt::format("the residual stream has turned coordinates: its largest values are {:.2g} times smaller\n",
                       document["gain"].get<double>());
}

}  // namespace polyformer::substitution
