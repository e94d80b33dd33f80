// `polyformer plan`: what is said of levels, and of polynomials of other depths.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

TEST(Plan, ReportsTheStretchesBetweenBootstraps) {
    const Folder& folder = prepared();
    const std::string text = folder.must("plan model --insecure-ring-dimension 2048 --json plan.json");
    EXPECT_THAT(text, AllOf(HasSubstr("slack"), HasSubstr("layers.0.attention.activation 4 (")));
    const json plan = folder.json("plan.json");
    const json& stretches = plan.at("stretches");
    ASSERT_GE(stretches.size(), 2U);
    std::size_t polynomials = 0;
    std::size_t refreshed = 0;
    for (const json& stretch : stretches) {
        EXPECT_FALSE(stretch.at("first").get<std::string>().empty());
        EXPECT_EQ(stretch.at("levels").get<int>(),
                  stretch.at("used").get<int>() + stretch.at("kept").get<int>() + stretch.at("slack").get<int>());
        for (const json& use : stretch.at("polynomials")) EXPECT_GE(use.at("room"), stretch.at("slack"));
        polynomials += stretch.at("polynomials").size();
        if (&stretch != &stretches.front()) refreshed += stretch.at("ciphertexts").get<std::size_t>();
    }
    EXPECT_EQ(polynomials, 5U);
    EXPECT_EQ(refreshed, plan.at("bootstrapped_ciphertexts"));
    EXPECT_EQ(stretches.back().at("last"), "logits");
    EXPECT_FALSE(plan.contains("depth_budget"));
}

TEST(Plan, TakesItsTimesFromACostsFile) {
    const Folder& folder = prepared();
    const std::string plan = "plan model --insecure-ring-dimension 2048 ";
    folder.must(plan + "--json builtin.json");
    const json built_in = folder.json("builtin.json");
    json costs = {{"format", "polyformer-costs"},
                  {"version", 1},
                  {"costs", folder.json("plan/server/plan.json").at("options").at("costs")}};
    for (auto& [name, cost] : costs.at("costs").items()) {
        if (cost.is_number()) cost = 10 * cost.get<double>();
    }
    costs["costs"]["processor"] = "the server";
    costs["costs"]["threads"] = 2;
    write_file(folder.path("costs.json"), costs.dump());
    const std::string text = folder.must(plan + "--costs costs.json --json costly.json --out costly");
    EXPECT_THAT(text, HasSubstr("the server, avx512 kernels, 2 threads"));
    const json costly = folder.json("costly.json");
    EXPECT_EQ(costly.at("machine").at("processor"), "the server");
    EXPECT_EQ(costly.at("machine").at("threads"), 2);
    EXPECT_GT(costly.at("seconds"), built_in.at("seconds"));
    // Whoever reads the plan goes by its own costs.
    EXPECT_EQ(folder.json("costly/server/plan.json").at("options").at("costs"), costs.at("costs"));

    const Result missing = folder.polyformer(plan + "--costs nowhere.json");
    EXPECT_EQ(missing.exit_code, 3);
    EXPECT_THAT(missing.output, HasSubstr("nowhere.json"));
    costs["costs"]["ntt"] = -1;
    write_file(folder.path("costs.json"), costs.dump());
    const Result damaged = folder.polyformer(plan + "--costs costs.json");
    EXPECT_EQ(damaged.exit_code, 4);
    EXPECT_THAT(damaged.output, AllOf(HasSubstr("'ntt' is -1"), HasSubstr("costs.json")));
    EXPECT_FALSE(std::filesystem::exists(folder.path("cache"))) << "small rings and tests measure nothing";
}

TEST(Plan, RefusesBeforeItMeasuresTheMachine) {
    const Folder& folder = prepared();
    const Result refused = folder.polyformer("plan model --insecure-ring-dimension 2048 --costs measured --images 3");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.output, HasSubstr("power of two"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("cache")));
}

TEST(Plan, SaysWhatOtherDepthsCost) {
    const Folder& folder = prepared();
    const std::string text = folder.must("plan model --insecure-ring-dimension 2048 --depth-budget --json budget.json");
    EXPECT_THAT(text, AllOf(HasSubstr("bootstraps a layer"), HasSubstr("8 (4+4)")));
    const json plan = folder.json("budget.json");
    const json& budget = plan.at("depth_budget");
    ASSERT_EQ(budget.size(), 36U);
    // The model's own degrees, 15 everywhere, are one of the choices.
    const auto& own = *std::find_if(budget.begin(), budget.end(), [](const json& choice) {
        const json four = {{"norm", 4}, {"activation", 4}};
        return choice.at("attention") == four && choice.at("feed_forward") == four;
    });
    EXPECT_EQ(own.at("bootstraps"), plan.at("bootstraps"));
    EXPECT_EQ(own.at("seconds"), plan.at("seconds"));
    EXPECT_GT(budget.back().at("seconds"), budget.front().at("seconds"));
}

TEST(Plan, ModelsOfOtherNormsAndActivations) {
    const Folder folder;
    const std::string shape = "--layers 1 --width 16 --heads 2 --context 8 --feed-forward 32 --vocabulary 40 ";
    folder.must("random-model other " + shape +
                "--norm batch --attention-function sigmoid --feed-forward-function square "
                "--activation-degree 7");
    const std::string text = folder.must("plan other --insecure-ring-dimension 2048 --json plan.json");
    std::size_t polynomials = 0;
    const json plan = folder.json("plan.json");
    for (const json& stretch : plan.at("stretches")) polynomials += stretch.at("polynomials").size();
    EXPECT_EQ(polynomials, 2U);
    EXPECT_THAT(text,
                HasSubstr("layers.0.feed_forward.activation 2 ("));  // a square is of degree 2 whatever is asked for
    EXPECT_THAT(folder.polyformer("random-model bad " + shape + "--attention-function softmax").output,
                AllOf(HasSubstr("softmax"), HasSubstr("squared_relu")));
    EXPECT_EQ(folder.polyformer("random-model bad --norm group").exit_code, 2);
}

TEST(Plan, RandomEncodersOfAllOutputs) {
    const Folder folder;
    for (const std::string output : {"embedding", "classes", "tokens"}) {
        folder.must("random-model " + output +
                    " --layers 1 --width 16 --heads 2 --context 8 --feed-forward 32 --vocabulary 40 --encoder " +
                    output);
        EXPECT_THAT(folder.must("run " + output +
                                " --insecure-ring-dimension 2048 --backend clear --token-ids 1 2 3 --json run.json"),
                    HasSubstr("greatest"));
        EXPECT_EQ(folder.json("run.json").at("output"), output);
    }
}

}  // namespace
}  // namespace polyformer::test
