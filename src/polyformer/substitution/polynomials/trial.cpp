#include "polyformer/substitution/polynomials/trial.h"

#include <algorithm>
#include <utility>

namespace polyformer::substitution {
namespace {

using model::Functions;
using model::Graph;

constexpr std::size_t kTextsAtOnce = 16;

}  // namespace

Trial::Trial(const Graph& original, const Texts& texts, OutputLoss kind) : kind_(kind) {
    for (const auto& tokens : texts.tokens) inputs_.push_back(texts.embed(tokens));
    original_ = model::evaluate_batch(original, inputs_, Functions::exact);
}

LossSummary Trial::loss(const Graph& graph, Functions functions) const {
    return losses_of(kind_, original_, model::evaluate_batch(graph, inputs_, functions));
}

SiteTrial::SiteTrial(const Trial& trial, Graph& graph)
    : trial_(trial), graph_(graph), evaluation_(graph, trial.inputs_, Functions::exact, model::Sums::in_single) {}

double SiteTrial::loss(model::NodeId site, const model::Polynomial& polynomial) {
    evaluation_.advance_to(site);
    auto& apply = std::get<model::Apply>(graph_.nodes[site].operation);
    // One that replaces nothing keeps its polynomial.
    model::Apply before = std::exchange(apply, model::Apply{apply.input, polynomial, ""});
    const double mean = losses_of(trial_.kind_, trial_.original_, evaluation_.output()).mean;
    apply = std::move(before);
    return mean;
}

Comparison compare(const Graph& original, const Graph& substituted, const Texts& texts, OutputLoss kind,
                   const model::Observer& observer, const OnProgress& on_progress) {
    Comparison all;
    std::size_t done = 0;
    for (std::size_t first = 0; first < texts.count(); first += kTextsAtOnce) {
        const Texts part = texts.part(first, kTextsAtOnce);
        const std::vector<model::Tensor> wanted = evaluate_texts(original, part, Functions::exact);
        const std::vector<model::Tensor> given = evaluate_texts(substituted, part, Functions::polynomials, observer);
        const LossSummary losses = losses_of(kind, wanted, given);
        all.loss.mean += losses.mean * static_cast<double>(part.count()) / static_cast<double>(texts.count());
        all.loss.largest = std::max(all.loss.largest, losses.largest);
        for (std::size_t i = 0; i < part.count(); ++i) {
            all.rows += wanted[i].rows;
            all.alike += rows_alike(wanted[i], given[i]);
            if (wanted[i].rows != part.tokens[i].size()) continue;
            all.before.add(wanted[i], part.tokens[i]);
            all.after.add(given[i], part.tokens[i]);
        }
        done += part.token_count();
        if (on_progress) on_progress(done);
    }
    return all;
}

}  // namespace polyformer::substitution
