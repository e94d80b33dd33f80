#include "polyformer/substitution/measurement/token_bounds.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "polyformer/substitution/polynomials/site_fit.h"
#include "polyformer/substitution/steps/measured_sites.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

constexpr std::size_t kTokens = 12;
const SubstitutionOptions kOptions{.quiet = true};

/// Tokens of one feature, of nearly one size but for the last, a hundred times larger.
Tensor embed_sizes(std::span<const std::int32_t> ids) {
    Tensor text{ids.size(), 1, {}};
    for (const std::int32_t id : ids) text.values.push_back(id + 1 == kTokens ? 100 : 1 + 0.01 * id);
    return text;
}

/// A norm's function of what tokens are embedded as, and one of what attention makes of them.
Graph two_norms() {
    Graph graph{.context = 4, .width = 1, .vocabulary = 1, .nodes = {}};
    const auto add = [&](const char* name, Operation operation) {
        graph.nodes.push_back({name, std::move(operation), 1});
        return graph.nodes.size() - 1;
    };
    const NodeId input = add("input", Input{});
    const NodeId first = add("first", Apply{add("square", Multiply{input, input}), {-1, 1, {0}}, "inverse_sqrt"});
    const NodeId scores = add("scores", AttentionScores{first, first, 1, 0.5});
    const NodeId values = add("values", AttentionValues{scores, input, 1, true, {}});
    const NodeId second = add("second", Apply{add("variance", Multiply{values, values}), {-1, 1, {0}}, "inverse_sqrt"});
    add("output", Multiply{values, second});
    return graph;
}

/// Texts of the small tokens, every twentieth with the large one.
CalibrationTexts texts_of_sizes() {
    CalibrationTexts texts{{{}, embed_sizes}, {{}, embed_sizes}, {{}, embed_sizes}, {{}, embed_sizes}};
    for (std::int32_t i = 0; i < 100; ++i) {
        texts.sample.tokens.push_back({i % 11, (3 * i + 1) % 11, i % 20 == 0 ? 11 : (i / 3) % 11});
    }
    return texts;
}

TEST(TokenBounds, NoTokenReachesFartherThanTheVocabulary) {
    const Graph graph = two_norms();
    CalibrationTexts texts = texts_of_sizes();
    const SiteStatistics guessed = measure(graph, texts, kOptions).sites.at(0);
    const SiteInterval far = interval_of(guessed, 1e-6, kOptions.margin);
    EXPECT_GT(far.interval.upper, 20 * 100 * 100) << "a tail that is estimated from sixty texts reaches beyond";
    EXPECT_GT(far.escape, 0);

    texts.vocabulary.tokens = {std::vector<std::int32_t>(4), std::vector<std::int32_t>(4),
                               std::vector<std::int32_t>(4)};
    for (std::int32_t id = 0; id < static_cast<std::int32_t>(kTokens); ++id)
        texts.vocabulary.tokens[id / 4][id % 4] = id;
    const GraphStatistics seen = measure(graph, texts, kOptions);
    const SiteInterval known = interval_of(seen.sites.at(0), 1e-6, kOptions.margin);
    EXPECT_NEAR(known.interval.lower, 1, 0.01);
    EXPECT_NEAR(known.interval.upper, 100 * 100, 100);
    EXPECT_LE(known.interval.lower, 1);
    EXPECT_GE(known.interval.upper, 100 * 100);
    EXPECT_EQ(known.escape, 0);
    EXPECT_TRUE(std::isinf(seen.sites.at(1).possible.largest)) << "attention mixes tokens";
}

}  // namespace
}  // namespace polyformer::substitution
