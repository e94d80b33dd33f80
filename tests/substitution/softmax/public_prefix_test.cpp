#include "polyformer/substitution/softmax/public_prefix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/substitution/softmax/score_shifts.h"
#include "polyformer/support/error.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

Tensor rows(const Tensor& tensor, std::size_t first, std::size_t end) {
    const auto at = [&](std::size_t row) {
        return tensor.values.begin() + static_cast<std::ptrdiff_t>(row * tensor.columns);
    };
    return {end - first, tensor.columns, {at(first), at(end)}};
}

const std::vector<std::int32_t> kTokens{3, 1, 7, 11, 0, 5};

TEST(PublicPrefix, GivesWhatTheWholeTextWouldHaveGiven) {
    const Tensor whole = embed(kTokens);
    for (const bool grouped : {false, true}) {
        const Graph exact = small_decoder(grouped);
        const Tensor wanted = evaluate_batch(exact, std::span(&whole, 1), Functions::exact).at(0);
        for (const std::size_t tokens : {1U, 2U, 3U}) {
            const Graph graph = with_prefix(exact, rows(whole, 0, tokens), kContext - tokens);
            EXPECT_EQ(graph.context, kContext - tokens);
            const Tensor text = rows(whole, tokens, kContext);
            const Tensor given = evaluate_batch(graph, std::span(&text, 1), Functions::exact).at(0);
            ASSERT_EQ(given.rows, kContext - tokens);
            for (std::size_t i = 0; i < given.values.size(); ++i) {
                EXPECT_NEAR(given.values[i], wanted.values[tokens * kWidth + i], 1e-5) << tokens << " tokens";
            }
        }
    }
}

TEST(PublicPrefix, WithoutOneTheContextIsCut) {
    const Tensor whole = embed(kTokens);
    const Graph exact = small_decoder(false);
    const Graph graph = with_prefix(exact, {0, kWidth, {}}, 3);
    EXPECT_EQ(graph.context, 3U);
    const Tensor text = rows(whole, 0, 3);
    const Tensor wanted = evaluate_batch(exact, std::span(&text, 1), Functions::exact).at(0);
    EXPECT_EQ(evaluate_batch(graph, std::span(&text, 1), Functions::exact).at(0).values, wanted.values);
}

TEST(PublicPrefix, CountsInTheLogSumExp) {
    Graph graph = with_prefix(small_decoder(false), rows(embed(kTokens), 0, 2), 4);
    square_exponentials(graph);
    ASSERT_EQ(softmax_attentions(graph).size(), 1U);
    EXPECT_EQ(graph.nodes[softmax_attentions(graph)[0].all_sums].name, "sums_total");
    Texts texts = random_texts(300, 9);
    for (auto& ids : texts.tokens) ids.resize(std::min(ids.size(), graph.context));
    ShiftFit fit(graph);
    evaluate_texts(graph, texts, Functions::exact,
                   [&](NodeId node, std::span<const Tensor> values) { fit.observe(node, values); });
    const HeadResidual residual = fit.apply_to(graph).at(0).at(0);
    evaluate_texts(graph, texts, Functions::exact, [&](NodeId node, std::span<const Tensor> values) {
        if (graph.nodes[node].name != "sums_total") return;
        for (const Tensor& sums : values) {
            for (const double sum : sums.values) EXPECT_LT(std::abs(std::log(sum)), 3 * residual.largest + 3);
        }
    });
    EXPECT_LT(residual.deviation, 1.0);
}

TEST(PublicPrefix, IsRefusedWhereItHasNoPlace) {
    EXPECT_THROW(with_prefix(small_encoder(), rows(embed(kTokens), 0, 1), 5), Error) << "looks both ways";
    EXPECT_THROW(with_prefix(small_decoder(false), rows(embed(kTokens), 0, 2), 5), Error) << "too long";
}

TEST(PublicPrefix, ItsEffectIsWhatLiesBehindIt) {
    Texts texts = random_texts(40, 2);
    for (auto& ids : texts.tokens) {
        ids.resize(std::min<std::size_t>(ids.size(), 4));
        for (std::int32_t& id : ids) id %= static_cast<std::int32_t>(kWidth);
    }
    const Graph exact = small_decoder(false);
    const PrefixEffect effect = effect_of_prefix(exact, {3, 1}, texts.tokens, embed);
    EXPECT_EQ(effect.norm, "norm.shifted_variance");
    EXPECT_GT(effect.ratio, 1);
    EXPECT_GT(effect.perplexity, 1);
    EXPECT_NE(effect.perplexity, effect_of_prefix(exact, {}, texts.tokens, embed).perplexity);
}

}  // namespace
}  // namespace polyformer::substitution
