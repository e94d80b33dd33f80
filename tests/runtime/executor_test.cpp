#include "polyformer/runtime/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "polyformer/compile/compile.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/runtime/clear/clear_backend.h"
#include "polyformer/support/error.h"
#include "tests/compile/small_plan.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::transformer_shape;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Executor, ReportsProgressAndProfileAndChecksTheRequest) {
    const model::Transformer model = model::random_model(transformer_shape(1, 16, 2, 8, 32, 20));
    const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(2048, Positions::all));
    const model::Tensor text = model.embedding.embed(model::random_tokens(8, 20, 1));
    ClearBackend backend(plan.frame.parameters, plan.frame.packing);
    const auto inputs = [&](int level) {
        return std::vector{backend.encrypt(compile::pack_input(plan.frame, text.values, {8}).front(), level)};
    };
    std::vector<double> shares;
    const auto result = run(plan, backend, inputs(plan.frame.input_level), {8},
                            [&](double share, const std::string&) { shares.push_back(share); });
    EXPECT_EQ(shares.size(), plan.steps.size());
    EXPECT_TRUE(std::ranges::is_sorted(shares));
    EXPECT_NEAR(shares.back(), 1, 1e-9);
    EXPECT_EQ(result.profile.entries.size(), plan.steps.size());
    EXPECT_TRUE(result.profile.by_layer().contains("layers.0"));
    EXPECT_TRUE(result.profile.by_layer().contains("logits"));
    EXPECT_TRUE(result.profile.by_operation().contains("rotated_product"));
    double planned = 0;
    for (const auto& [operation, times] : result.profile.by_operation()) planned += times.planned_seconds;
    EXPECT_NEAR(planned, plan.summary.seconds, 1e-9 * planned);
    for (const ProfileEntry& entry : result.profile.entries) EXPECT_GE(entry.processor_seconds, 0) << entry.step;

    EXPECT_THAT([&] { run(plan, backend, {}, {8}); }, ThrowsMessage<Error>(HasSubstr("0 ciphertexts")));
    EXPECT_THAT([&] { run(plan, backend, inputs(plan.frame.input_level), {9}); },
                ThrowsMessage<Error>(HasSubstr("9 tokens")));
    EXPECT_THAT([&] { run(plan, backend, inputs(plan.frame.input_level - 1), {8}); },
                ThrowsMessage<Error>(HasSubstr("encrypt it for this plan")));
}

/// Counts products.
class CountingBackend : public ClearBackend {
  public:
    using ClearBackend::ClearBackend;
    Value multiply(const Value& left, const Value& right) {
        ++products;
        return ClearBackend::multiply(left, right);
    }
    Value square(const Value& value) {
        ++squares;
        return ClearBackend::square(value);
    }
    int products = 0;
    int squares = 0;
};
static_assert(Backend<CountingBackend>);

TEST(Executor, SquaresWhereBothOperandsAreOneValue) {
    compile::Plan plan{.options = fixtures::plan_options(2048),
                       .frame = {.parameters = ckks::Parameters::create(fixtures::plan_options(2048).parameters)}};
    plan.frame.packing = {1024, 8, 128};
    plan.frame.context = 8;
    plan.frame.input_level = 4;
    plan.inputs = {0, 1};
    plan.outputs = {2, 3};
    plan.steps = {{"square", compile::MultiplyStep{0, 0, 2}, 4, 3}, {"product", compile::MultiplyStep{0, 1, 3}, 4, 3}};
    CountingBackend backend(plan.frame.parameters, plan.frame.packing, ClearOptions{.noise = false});
    // Equal values, but not one value.
    const std::vector<double> slots(1024, 0.5);
    const auto outputs = run(plan, backend, {backend.encrypt(slots, 4), backend.encrypt(slots, 4)}, {8}).outputs;
    EXPECT_EQ(backend.squares, 1);
    EXPECT_EQ(backend.products, 1);
    EXPECT_EQ(outputs[0].slots, outputs[1].slots);
}

}  // namespace
}  // namespace polyformer::runtime
