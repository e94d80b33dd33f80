#include "polyformer/compile/layout/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "polyformer/compile/compile.h"
#include "polyformer/support/error.h"
#include "tests/compile/small_plan.h"

namespace polyformer::compile {
namespace {

using fixtures::plan_options;
using fixtures::small_transformer;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(PackInput, RefusesTextsAndValuesThatDoNotFit) {
    const model::Transformer model = small_transformer();
    const Plan plan = compile(model.graph, plan_options(2048));
    const model::Tensor text = model.embedding.embed(model::random_tokens(5, model.graph.vocabulary, 3));
    const auto slots = pack_input(plan.frame, text.values, {5});
    ASSERT_EQ(slots.size(), plan.inputs.size());
    // Rows repeat the text.
    EXPECT_EQ(slots[0][5 * plan.frame.packing.features], slots[0][0]);
    EXPECT_THAT([&] { pack_input(plan.frame, text.values, {9}); }, ThrowsMessage<Error>(HasSubstr("9 tokens")));
    EXPECT_THROW(pack_input(plan.frame, text.values, {4}), Error);
    std::vector<double> large(text.values);
    large[3] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THAT([&] { pack_input(plan.frame, large, {5}); }, ThrowsMessage<Error>(HasSubstr("nan")));
}

}  // namespace
}  // namespace polyformer::compile
