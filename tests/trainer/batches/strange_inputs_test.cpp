#include "polyformer/trainer/batches/strange_inputs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "polyformer/trainer/descent/loss.h"
#include "polyformer/trainer/network/network.h"

namespace polyformer::train {
namespace {

TEST(StrangeInputs, AreTokensOfTheVocabularyInManyWays) {
    std::mt19937_64 random(1);
    std::set<std::size_t> distinct;  // how many different tokens a row has
    bool shuffled = false;
    for (int i = 0; i < 200; ++i) {
        std::vector<std::int64_t> row(33);
        std::iota(row.begin(), row.end(), 100);
        const std::vector<std::int64_t> before = row;
        make_strange(row, 5000, random);
        EXPECT_NE(row, before);
        for (const std::int64_t token : row) EXPECT_TRUE(token >= 0 && token < 5000) << token;
        distinct.insert(std::set(row.begin(), row.end()).size());
        shuffled = shuffled || std::ranges::is_permutation(row, before);
    }
    EXPECT_TRUE(shuffled);
    EXPECT_TRUE(distinct.contains(1)) << "one token repeated";
    EXPECT_TRUE(distinct.contains(2)) << "two in turn";
    EXPECT_GT(*distinct.rbegin(), 30U) << "random tokens";
}

TEST(StrangeInputs, TakeRowsAndVocabulariesOfAnySize) {
    std::mt19937_64 random(2);
    for (int i = 0; i < 100; ++i) {
        for (const std::size_t length : {0, 1, 2, 3, 9}) {
            std::vector<std::int64_t> row(length, 0);
            make_strange(row, 1, random);
            EXPECT_EQ(row, std::vector<std::int64_t>(length, 0));
        }
    }
}

TEST(StrangeInputs, AreTheShareThatWasAskedForButNeverAll) {
    std::mt19937_64 random(3);
    double rows = 0;
    for (int i = 0; i < 4000; ++i) rows += static_cast<double>(strange_rows(8, 0.03, random));
    EXPECT_NEAR(rows / 4000 / 8, 0.03, 0.005);
    EXPECT_EQ(strange_rows(1, 0.5, random), 0U);
    EXPECT_LE(strange_rows(2, 1, random), 1U);
    EXPECT_EQ(strange_rows(8, 0, random), 0U);
}

TEST(StrangeInputs, AreImagesBetweenBlackAndWhite) {
    std::mt19937_64 random(4);
    const torch::Tensor black = torch::tensor({-1.0F, -2.0F, -3.0F}).view({3, 1, 1});
    const torch::Tensor white = torch::tensor({2.0F, 2.5F, 3.0F}).view({3, 1, 1});
    std::set<int> kinds;
    for (int i = 0; i < 60; ++i) {
        const torch::Tensor before = black + torch::rand({3, 4, 4}) * (white - black);
        const torch::Tensor image = before.clone();
        make_strange(image, black, white, random);
        EXPECT_FALSE(torch::equal(image, before));
        EXPECT_TRUE(image.ge(black - 1e-5).logical_and(image.le(white + 1e-5)).all().item<bool>());
        const bool flat = torch::equal(image, image.slice(1, 0, 1).slice(2, 0, 1).expand_as(image));
        const bool negative = torch::allclose(image, black + white - before);
        const bool stark =
            image.sub(black).abs().lt(1e-5).logical_or(image.sub(white).abs().lt(1e-5)).all().item<bool>();
        kinds.insert(flat ? 1 : negative ? 2 : stark ? 3 : 0);
    }
    EXPECT_EQ(kinds, (std::set<int>{0, 1, 2, 3}));
}

/// Logits that are 0 for all of four words.
struct Even : Network {
    Even() { register_parameter("unused", torch::zeros({1})); }
    torch::Tensor forward(const torch::Tensor& input, std::vector<torch::Tensor>*) override {
        return torch::zeros({input.size(0), input.size(1), 4});
    }
    std::size_t depth() const override { return 0; }
    std::string obstacle() const override { return {}; }
};

TEST(StrangeInputs, CountForNothingInALoss) {
    Even network;
    const torch::Tensor words = torch::tensor({{1, 2}, {3, 0}}, torch::kInt64);
    torch::Tensor targets = words.clone();
    targets[0].fill_(kNoTarget);
    EXPECT_NEAR(mean_loss(network, {{words, targets}}), std::log(4), 1e-6);
    EXPECT_NEAR(cross_entropy(network.forward(words, nullptr), targets).item<double>(), std::log(4), 1e-6);
}

}  // namespace
}  // namespace polyformer::train
