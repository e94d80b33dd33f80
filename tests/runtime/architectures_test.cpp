// Transformers with other norms and activations than LayerNorm and GELU: plans of them give the interpreter's logits.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "tests/runtime/fixtures.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using model::NormKind;

struct Architecture {
    const char* name;
    NormKind norm;
    const char* attention;
    const char* feed_forward;
    std::size_t activation_degree;
};

class ArchitecturesTest : public testing::TestWithParam<Architecture> {};

TEST_P(ArchitecturesTest, TheClearBackEndGivesTheInterpretersLogits) {
    const Architecture& architecture = GetParam();
    model::RandomModelOptions options = fixtures::transformer_shape(2, 24, 2, 8, 48, 40);
    options.norm = architecture.norm;
    options.attention_function = architecture.attention;
    options.feed_forward_function = architecture.feed_forward;
    options.activation_degree = architecture.activation_degree;
    const model::Transformer model = model::random_model(options);
    const model::Tensor text = model.embedding.embed(model::random_tokens(8, 40, options.seed + 1));  // a sample
    for (const Positions positions : {Positions::all, Positions::last}) {
        const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(2048, positions));
        EXPECT_GT(plan.summary.bootstraps, 0U);
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        const std::vector<double> exact = fixtures::exact_logits(model.graph, text, positions);
        const double size = fixtures::largest_difference(exact, std::vector<double>(exact.size(), 0.0));
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, backend, text), exact), 1e-6 * (1 + size));
        for (const Excursion& excursion : backend.excursions()) EXPECT_LE(excursion.worst, 1.0001) << excursion.step;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ArchitecturesTest,
    testing::Values(Architecture{"rms_gelu", NormKind::rms_norm, "gelu", "gelu", 15},
                    Architecture{"rms_squared_relu_silu", NormKind::rms_norm, "squared_relu", "silu", 15},
                    Architecture{"batch_sigmoid_relu", NormKind::batch_norm, "sigmoid", "relu", 15},
                    Architecture{"batch_squares", NormKind::batch_norm, "square", "square", 2},
                    Architecture{"layer_sigmoid_square", NormKind::layer_norm, "sigmoid", "square", 7}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace polyformer::runtime
