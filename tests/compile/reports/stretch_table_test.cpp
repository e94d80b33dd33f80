#include "polyformer/compile/reports/stretch_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace polyformer::compile {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Stretch stretch(const std::string& first, const std::string& last, int slack, const std::string& polynomial) {
    return {.ciphertexts = 1,
            .first = first,
            .last = last,
            .levels = 18,
            .used = 16 - slack,
            .kept = 2,
            .slack = slack,
            .polynomials = {{polynomial, 4, slack}}};
}

/// The request's, two for each layer, of which one reaches into the next and takes more levels in every second layer,
/// and the logits'.
std::vector<Stretch> model_of(int layers) {
    std::vector<Stretch> stretches{stretch("embedding", "layers.0.norm", 0, "layers.0.norm")};
    for (int i = 0; i < layers; ++i) {
        const std::string layer = "layers." + std::to_string(i);
        const std::string next = "layers." + std::to_string(i + 1);
        stretches.push_back(stretch(layer + ".attention", layer + ".out", 1, layer + ".softmax"));
        stretches.push_back(stretch(layer + ".up", next + (i == 3 ? ".variance" : ".norm"), i % 2, next + ".norm"));
    }
    stretches.push_back(stretch("final_norm", "logits", 3, "final_norm"));
    return stretches;
}

long lines(const std::string& text) {
    return std::ranges::count(text, '\n');
}

TEST(StretchTable, FewStretchesHaveALineEach) {
    const std::string table = stretch_table(model_of(3));
    EXPECT_EQ(lines(table), lines(stretch_table(model_of(2))) + 2);
    EXPECT_THAT(table,
                AllOf(HasSubstr("layers.1.softmax 4 (1)"), HasSubstr("layers.2.softmax 4 (1)"), Not(HasSubstr("*"))));
}

TEST(StretchTable, LayersOfADeepModelShareTheirLines) {
    const std::string table = stretch_table(model_of(30));
    EXPECT_EQ(lines(table), lines(stretch_table(model_of(300))));
    EXPECT_EQ(lines(table), lines(stretch_table(model_of(1))));
    EXPECT_THAT(table, AllOf(HasSubstr("30 "), HasSubstr("layers.*.attention"), HasSubstr("layers.*.softmax 4 (1)"),
                             HasSubstr("15-16"), HasSubstr("layers.*.norm 4 (0-1)"), HasSubstr("several"),
                             HasSubstr("final_norm 4 (3)"), Not(HasSubstr("layers.2"))));
}

}  // namespace
}  // namespace polyformer::compile
