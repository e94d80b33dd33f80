#include "polyformer/ckks/circuits/rotated_inner_product.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ckks/circuits/map_fixture.h"

namespace polyformer::ckks::testing {
namespace {

struct InnerProductCase {
    const char* name;
    RotatedInnerProduct product;
};

class RotatedInnerProductTest : public ::testing::TestWithParam<InnerProductCase> {};

std::vector<Complex> inner_product(const RotatedInnerProduct& product, const std::vector<Complex>& x,
                                   const std::vector<Complex>& y) {
    std::vector<Complex> sum(x.size());
    for (long r = product.first; r < product.last; ++r) {
        const auto left = rotated(x, r * product.left_step);
        const auto right = rotated(y, r * product.right_step + product.right_offset);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += left[i] * right[i];
    }
    return sum;
}

TEST_P(RotatedInnerProductTest, AgreesWithPlainVectors) {
    const RotatedInnerProduct& product = GetParam().product;
    const Parameters& parameters = map_scheme().parameters();
    const int level = 3;
    const Evaluator evaluator = map_scheme().evaluator(product.key_request(parameters, level));
    const auto x = random_values(1024, 11);
    const auto y = random_values(1024, 12);
    // Of x with y, and of y with x, which a product that is not symmetrical tells apart.
    const std::vector<Ciphertext> left{map_scheme().encrypt(x, level), map_scheme().encrypt(y, level)};
    const std::vector<Ciphertext> right{left[1], left[0]};
    const std::vector<Ciphertext> results = apply_rotated_inner_product(evaluator, product, left, right);
    ASSERT_EQ(results.size(), 2U);
    for (const Ciphertext& result : results) {
        EXPECT_EQ(result.level, level - 1);
        EXPECT_DOUBLE_EQ(result.scale, parameters.scale(level - 1));
    }
    EXPECT_GT(map_scheme().bits(results[0], inner_product(product, x, y)), 20);
    EXPECT_GT(map_scheme().bits(results[1], inner_product(product, y, x)), 20);
}

INSTANTIATE_TEST_SUITE_P(
    Products, RotatedInnerProductTest,
    ::testing::Values(
        InnerProductCase{"attention_scores",
                         {.first = -7, .last = 8, .left_step = 1, .right_step = 17, .right_offset = -128, .baby = 4}},
        InnerProductCase{"attention_values",
                         {.first = -7, .last = 8, .left_step = 1, .right_step = -16, .right_offset = 48, .baby = 4}},
        InnerProductCase{
            "babies_of_two",
            {.first = -7, .last = 8, .left_step = 1, .right_step = -16, .right_offset = 48, .baby = 8, .inner = 2}},
        InnerProductCase{
            "babies_of_two_but_not_all",
            {.first = 1, .last = 7, .left_step = 2, .right_step = 3, .right_offset = 0, .baby = 8, .inner = 4}},
        InnerProductCase{"both_shifted",
                         {.first = 0,
                          .last = 16,
                          .left_step = 1,
                          .right_step = 17,
                          .right_offset = -128,
                          .baby = 2,
                          .left_shifts = 2}},
        InnerProductCase{"both_shifted_and_some_missing",
                         {.first = -7,
                          .last = 10,
                          .left_step = 1,
                          .right_step = -16,
                          .right_offset = 48,
                          .baby = 4,
                          .left_shifts = 3,
                          .inner = 2}},
        InnerProductCase{
            "left_shifted_alone",
            {.first = 1, .last = 12, .left_step = 3, .right_step = 5, .right_offset = 0, .baby = 4, .left_shifts = 4}},
        InnerProductCase{"one_giant",
                         {.first = 1, .last = 4, .left_step = 5, .right_step = 3, .right_offset = 0, .baby = 8}},
        InnerProductCase{"one_term",
                         {.first = 0, .last = 1, .left_step = 1, .right_step = 1, .right_offset = 0, .baby = 1}},
        InnerProductCase{"giants_alone",
                         {.first = -2, .last = 2, .left_step = 512, .right_step = 2, .right_offset = 1, .baby = 1}}),
    [](const auto& test) { return test.param.name; });

TEST(RotatedInnerProduct, KeyRequestIsExact) {
    const RotatedInnerProduct product{
        .first = -2, .last = 3, .left_step = 1, .right_step = 10, .right_offset = 100, .baby = 2};
    // a = 0, 1 and c = −1, 0, 1: left by 1, right by 10; R_c by 18·c + 100; outer rotations by 2·c.
    const KeyRequest request = product.key_request(map_scheme().parameters(), 3);
    EXPECT_THAT(steps_of(request), ::testing::ElementsAre(1, 2, 10, 82, 100, 118, 1022));
    EXPECT_EQ(request.relinearisation_level, 3);
    const RotatedInnerProduct shifted{
        .first = 0, .last = 8, .left_step = 1, .right_step = 10, .right_offset = 0, .baby = 2, .left_shifts = 2};
    // a, b, c = 0, 1: left by 1, right by 10; L_b by −18·b, R_c by 36·c; outer rotations by 20·b + 4·c.
    EXPECT_THAT(steps_of(shifted.key_request(map_scheme().parameters(), 3)),
                ::testing::ElementsAre(1, 4, 10, 20, 24, 36, 1006));
    const RotatedInnerProduct fewer{
        .first = 0, .last = 8, .left_step = 1, .right_step = 10, .right_offset = 0, .baby = 8, .inner = 2};
    EXPECT_THAT(steps_of(fewer.key_request(map_scheme().parameters(), 3)),
                ::testing::ElementsAre(1, 2, 4, 6, 10, 20, 40, 60));
}

TEST(RotatedInnerProduct, RefusesWhatHasNoTermsOrNoSteps) {
    const Parameters& parameters = map_scheme().parameters();
    const auto refused = [&](const RotatedInnerProduct& product) {
        EXPECT_THROW(product.key_request(parameters, 3), Error);
    };
    refused({.first = 3, .last = 3});
    refused({.first = 0, .last = 4, .baby = 0});
    refused({.first = 0, .last = 4, .baby = 2, .left_shifts = 0});
}

}  // namespace
}  // namespace polyformer::ckks::testing
