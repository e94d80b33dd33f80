#include "polyformer/substitution/polynomials/trial.h"

#include <algorithm>
#include <utility>

namespace polyformer::substitution {
namespace {

using model::Functions;
using model::Graph;

constexpr std::size_t kTextsAtOnce = 16;

}  // namespace

Trial::Trial(const Graph& original, Texts texts, OutputLoss kind)
    : texts_(std::move(texts)), kind_(kind), original_(evaluate_texts(original, texts_, Functions::exact)) {}

LossSummary Trial::loss(const Graph& graph, Functions functions) const {
    return losses_of(kind_, original_, evaluate_texts(graph, texts_, functions));
}

double Trial::loss_of_site(Graph& graph, model::NodeId site, const model::Polynomial& polynomial) const {
    auto& apply = std::get<model::Apply>(graph.nodes[site].operation);
    // One that replaces nothing keeps its polynomial.
    const model::Apply before = std::exchange(apply, model::Apply{apply.input, polynomial, ""});
    const double mean = loss(graph, Functions::exact).mean;
    apply = before;
    return mean;
}

LossSummary compare(const Graph& original, const Graph& substituted, const Texts& texts, OutputLoss kind,
                    const model::Observer& observer, const OnProgress& on_progress) {
    LossSummary all;
    std::size_t done = 0;
    for (std::size_t first = 0; first < texts.count(); first += kTextsAtOnce) {
        const Texts part = texts.part(first, kTextsAtOnce);
        const std::vector<model::Tensor> wanted = evaluate_texts(original, part, Functions::exact);
        const LossSummary losses =
            losses_of(kind, wanted, evaluate_texts(substituted, part, Functions::polynomials, observer));
        all.mean += losses.mean * static_cast<double>(part.count()) / static_cast<double>(texts.count());
        all.largest = std::max(all.largest, losses.largest);
        done += part.token_count();
        if (on_progress) on_progress(done);
    }
    return all;
}

}  // namespace polyformer::substitution
