// Decoders with softmax, rotary positions, shared keys, gates and a public prefix: plans of them give the interpreter's
// answers to texts of all lengths.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_decoder.h"
#include "tests/runtime/fixtures.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
using fixtures::Builder;
using model::NodeId;

struct DecoderShape {
    const char* name;
    std::size_t ring_dimension;
    Positions positions;
    model::RandomDecoderOptions model;
};

void PrintTo(const DecoderShape& shape, std::ostream* out) {
    *out << shape.name;
}

model::RandomDecoderOptions decoder(std::size_t layers, std::size_t width, std::size_t heads, std::size_t key_heads,
                                    std::size_t context, std::size_t prefix) {
    model::RandomDecoderOptions options;
    options.layers = layers;
    options.width = width;
    options.heads = heads;
    options.key_heads = key_heads;
    options.context = context;
    options.feed_forward = 3 * width;
    options.vocabulary = 24;
    options.prefix = prefix;
    options.samples = 12;
    return options;
}

class DecodersTest : public testing::TestWithParam<DecoderShape> {};

TEST_P(DecodersTest, GiveTheInterpretersAnswersToTextsOfAllLengths) {
    const DecoderShape& shape = GetParam();
    const model::Transformer model = model::random_decoder(shape.model);
    const compile::Plan plan =
        compile::compile(model.graph, fixtures::plan_options(shape.ring_dimension, shape.positions));
    EXPECT_EQ(plan.frame.least_rows, 1U);
    fixtures::expect_interpreters_answers(model, plan, fixtures::lengths_up_to(shape.model.context));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, DecodersTest,
    testing::Values(DecoderShape{"small", 2048, Positions::all, decoder(1, 16, 2, 1, 8, 2)},
                    DecoderShape{"no_prefix", 2048, Positions::last, decoder(1, 16, 4, 2, 8, 0)},
                    DecoderShape{"prefix_of_one", 2048, Positions::all, decoder(1, 16, 2, 2, 8, 1)},
                    DecoderShape{"two_layers", 2048, Positions::last, decoder(2, 24, 6, 2, 6, 2)},
                    DecoderShape{"short", 4096, Positions::last, decoder(1, 32, 2, 1, 8, 3)},
                    DecoderShape{"heads_in_pairs", 2048, Positions::all, decoder(1, 32, 2, 1, 4, 2)},
                    DecoderShape{"pairs_in_groups", 2048, Positions::last, decoder(2, 96, 6, 2, 8, 1)},
                    DecoderShape{"prefix_of_one_behind_pairs", 2048, Positions::all, decoder(1, 32, 2, 2, 6, 1)},
                    DecoderShape{"prefix_with_polynomials_of_its_own", 2048, Positions::all,
                                 [] {
                                     model::RandomDecoderOptions options = decoder(1, 32, 2, 1, 4, 3);
                                     options.shares_exp = false;
                                     return options;
                                 }()},
                    DecoderShape{"odd_pairs", 1024, Positions::all, decoder(1, 36, 3, 3, 5, 2)},
                    DecoderShape{"long", 2048, Positions::all, decoder(1, 8, 2, 1, 64, 2)},
                    DecoderShape{"wide", 2048, Positions::last, decoder(1, 96, 6, 3, 16, 2)}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace polyformer::runtime
