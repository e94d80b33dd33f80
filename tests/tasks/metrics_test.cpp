#include "polyformer/tasks/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "polyformer/support/error.h"

namespace polyformer::tasks {
namespace {

// Expected values are scipy's, scikit-learn's and trec_eval's.

TEST(Metrics, SpearmanComparesRanks) {
    const std::vector<double> a{1, 2, 3, 4, 5};
    const std::vector<double> b{5, 6, 7, 8, 7};
    EXPECT_NEAR(spearman(a, b), 0.8207826816681233, 1e-12);  // scipy.stats.spearmanr
    EXPECT_NEAR(spearman(a, std::vector<double>{1, 10, 100, 1000, 1e9}), 1, 1e-12);
    EXPECT_NEAR(spearman(a, std::vector<double>{9, 8, 7, 6, 5}), -1, 1e-12);
    EXPECT_TRUE(std::isnan(spearman(a, std::vector<double>(5, 2.0))));
    EXPECT_THROW(spearman(a, std::vector<double>{1, 2}), Error);
}

TEST(Metrics, WhatIsNoNumberRanksLowest) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> truth{3, 1, 2, 5, 4};
    EXPECT_NEAR(spearman(std::vector<double>{3, nan, 2, 5, 4}, truth), 1, 1e-12);
    EXPECT_NEAR(spearman(std::vector<double>{3, 1, 2, nan, 4}, truth), 0, 1e-12);
    EXPECT_NEAR(spearman(std::vector<double>{nan, nan, 2, 5, 4}, truth),
                spearman(std::vector<double>{0, 0, 2, 5, 4}, truth), 1e-12);
}

TEST(Metrics, CosineIsTheAngles) {
    EXPECT_NEAR(cosine(std::vector<double>{1, 0}, std::vector<double>{2, 2}), std::sqrt(0.5), 1e-15);
    EXPECT_TRUE(std::isnan(cosine(std::vector<double>{1, 0}, std::vector<double>{0, 0})));
    EXPECT_EQ(normalised({3, 4}), (std::vector<double>{0.6, 0.8}));
    EXPECT_EQ(normalised({0, 0}), (std::vector<double>{0, 0}));
}

TEST(Metrics, ClassesThatOccurCountAlike) {
    const std::vector<std::size_t> truth{0, 1, 2, 0, 1, 2};
    const std::vector<std::size_t> predicted{0, 2, 1, 0, 0, 1};
    const Classification result = judge_classes(predicted, truth);
    EXPECT_NEAR(result.accuracy, 2.0 / 6, 1e-12);
    EXPECT_NEAR(result.macro_f1, 0.26666666666666666, 1e-12);  // sklearn.metrics.f1_score(average="macro")
    EXPECT_THROW(judge_classes({}, {}), Error);
}

TEST(Metrics, NoAnswerIsWrongWhateverTheTruth) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(most_likely_class(std::vector<double>{1, 3, 3}), 1U);
    EXPECT_EQ(most_likely_class(std::vector<double>{nan, 1}), kNoAnswer);
    EXPECT_EQ(most_likely_class(std::vector<double>{1, HUGE_VAL}), kNoAnswer);
    const Classification result =
        judge_classes(std::vector<std::size_t>{kNoAnswer, 1, 0}, std::vector<std::size_t>{0, 1, 0});
    EXPECT_NEAR(result.accuracy, 2.0 / 3, 1e-12);
    EXPECT_NEAR(result.macro_f1, (2.0 / 3 + 1) / 2, 1e-12);  // of the classes that there are
}

TEST(Metrics, TheBestComeFirstAndNansLast) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> scores{0.5, nan, 2, 0.5, -1};
    EXPECT_EQ(best_of(scores, 3), (std::vector<std::size_t>{2, 0, 3}));
    EXPECT_EQ(best_of(scores, 9).size(), 5U);
    EXPECT_EQ(best_of(std::vector<double>{nan, 1}, 1), (std::vector<std::size_t>{1}));
}

TEST(Metrics, GainsAreDiscountedByPlace) {
    const std::map<std::size_t, double> relevance{{3, 1}, {7, 1}};
    EXPECT_NEAR(ndcg(std::vector<std::size_t>{3, 7}, relevance, 10), 1, 1e-15);
    const double expected = (1 / std::log2(3) + 1 / std::log2(5)) / (1 + 1 / std::log2(3));
    EXPECT_NEAR(ndcg(std::vector<std::size_t>{1, 3, 2, 7}, relevance, 10), expected, 1e-15);
    EXPECT_NEAR(ndcg(std::vector<std::size_t>{1, 3, 2, 7}, relevance, 1), 0, 1e-15);
    EXPECT_EQ(ndcg(std::vector<std::size_t>{1}, {}, 10), 0);
}

}  // namespace
}  // namespace polyformer::tasks
