// Prices as a table: what a plan makes of them, and their files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan/costs_json.h"
#include "polyformer/support/error.h"
#include "tests/compile/small_plan.h"

namespace polyformer::compile {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Plan plan_at(const CostModel& costs) {
    PlanOptions options = fixtures::plan_options(2048);
    options.costs = costs;
    return compile(fixtures::small_transformer().graph, options);
}

TEST(Costs, TimesAreInProportionAndPlansTheSame) {
    CostModel slow;
    for (double CostModel::*cost : {&CostModel::ntt, &CostModel::conversion_word, &CostModel::product_word,
                                    &CostModel::inner_word, &CostModel::key_word, &CostModel::encoding_word,
                                    &CostModel::sum_word, &CostModel::bootstrap, &CostModel::bootstrap_second}) {
        slow.*cost *= 8;
    }
    const Plan a = plan_at({});
    const Plan b = plan_at(slow);
    EXPECT_NEAR(b.summary.seconds, 8 * a.summary.seconds, 1e-9 * b.summary.seconds);
    EXPECT_EQ(a.keys.rotation_levels, b.keys.rotation_levels);
    slow.threads *= 8;
    EXPECT_NEAR(plan_at(slow).summary.seconds, a.summary.seconds, 1e-9 * a.summary.seconds);
}

TEST(Costs, FilesHoldAllOfThemAndTheMachine) {
    CostModel costs;
    costs.sum_word = 1.0 / 3;
    costs.machine = {"a processor", "scalar"};
    const nlohmann::json object = costs_to_json(costs);
    EXPECT_EQ(costs_from_json(object, "here"), costs);
    for (const auto& [key, value] : object.items()) {
        nlohmann::json bad = object;
        bad.erase(key);
        EXPECT_THAT([&] { costs_from_json(bad, "here"); }, ThrowsMessage<FormatError>(HasSubstr(key)));
        bad[key] = value.is_string() ? nlohmann::json("\n") : nlohmann::json(-1);
        EXPECT_THAT([&] { costs_from_json(bad, "here"); }, ThrowsMessage<FormatError>(HasSubstr(key)));
    }
}

}  // namespace
}  // namespace polyformer::compile
