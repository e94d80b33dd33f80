#include "polyformer/substitution/steps/start_step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "polyformer/substitution/softmax/attention.h"
#include "polyformer/substitution/softmax/public_prefix.h"
#include "tests/substitution/encoder.h"

namespace polyformer::substitution {
namespace {

using namespace model;

/// How many reciprocals of a graph get a start where trials count for nothing.
std::size_t starts_without_loss(Graph graph) {
    CalibrationTexts texts{random_texts(40, 1), random_texts(10, 2), random_texts(4, 3)};
    for (Texts* each : {&texts.sample, &texts.stress, &texts.held_out}) {
        for (auto& ids : each->tokens) ids.resize(std::min(ids.size(), graph.context));
    }
    const SubstitutionOptions options{
        .kind = OutputLoss::cosine, .loss = 1e9, .margin = 0.5, .degrees = {15}, .quiet = true};
    const MeasuredSites sites = sites_of(graph, measure(graph, texts, options), options, {});
    const Trial trial(graph, texts.held_out, options.kind);
    return compose_inverses(graph, sites, trial, options).size();
}

TEST(StartStep, SumsWithAPublicPrefixGetOneWhereAPolynomialIsOffInTheMean) {
    const std::vector<std::int32_t> first{3};
    Graph graph = with_prefix(small_decoder(false), embed(first), kContext - 1);
    square_exponentials(graph);
    EXPECT_EQ(starts_without_loss(std::move(graph)), 1U);
    EXPECT_EQ(starts_without_loss(encoder_with_roots()), 0U) << "a second shift can bring these near 1";
}

}  // namespace
}  // namespace polyformer::substitution
