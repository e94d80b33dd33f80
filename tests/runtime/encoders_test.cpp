// Encoders with softmax, norms behind sums and texts shorter than the context: plans of them give the interpreter's
// answers.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_encoder.h"
#include "tests/runtime/fixtures.h"

namespace polyformer::runtime {
namespace {

using model::EncoderOutput;

struct EncoderShape {
    const char* name;
    std::size_t ring_dimension;
    model::RandomEncoderOptions model;
};

void PrintTo(const EncoderShape& shape, std::ostream* out) {
    *out << shape.name;
}

model::RandomEncoderOptions encoder(std::size_t layers, std::size_t width, std::size_t heads, std::size_t context,
                                    EncoderOutput output) {
    model::RandomEncoderOptions options;
    options.layers = layers;
    options.width = width;
    options.heads = heads;
    options.context = context;
    options.feed_forward = 2 * width;
    options.vocabulary = 24;
    options.output = output;
    options.samples = 2 * context;
    return options;
}

class EncodersTest : public testing::TestWithParam<EncoderShape> {};

TEST_P(EncodersTest, GiveTheInterpretersAnswersToTextsOfAllLengths) {
    const EncoderShape& shape = GetParam();
    const model::Transformer model = model::random_encoder(shape.model);
    const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(shape.ring_dimension));
    EXPECT_EQ(plan.frame.least_rows, 1U);
    fixtures::expect_interpreters_answers(model, plan, fixtures::lengths_up_to(shape.model.context));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, EncodersTest,
    testing::Values(EncoderShape{"small", 2048, encoder(1, 16, 2, 8, EncoderOutput::embedding)},
                    EncoderShape{"classes_of_six_tokens", 2048, encoder(2, 12, 3, 6, EncoderOutput::classes)},
                    EncoderShape{"tokens_in_groups_and_blocks", 2048, encoder(1, 24, 6, 11, EncoderOutput::tokens)},
                    EncoderShape{"blocks_alike_in_full_texts_only", 2048, encoder(1, 8, 2, 64, EncoderOutput::classes)},
                    EncoderShape{"wider_than_a_ciphertext", 2048, encoder(1, 96, 6, 16, EncoderOutput::embedding)},
                    EncoderShape{"heads_in_pairs", 2048, encoder(1, 28, 4, 4, EncoderOutput::tokens)},
                    EncoderShape{"one_head", 2048, encoder(2, 8, 1, 5, EncoderOutput::classes)},
                    EncoderShape{"heads_of_one_feature", 2048, encoder(1, 4, 4, 7, EncoderOutput::tokens)}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace polyformer::runtime
