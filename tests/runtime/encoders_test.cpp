// Encoders with softmax, norms behind sums and texts shorter than the context: plans of them give the interpreter's
// answers.
#include <gtest/gtest.h>

#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_encoder.h"
#include "tests/runtime/fixtures.h"

namespace polyformer::runtime {
namespace {

using compile::Positions;
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

/// The largest |Chebyshev variable| of all polynomials' inputs, or 1: whatever fills other slots stays within it.
double largest_variable(const model::Graph& graph, const model::Tensor& text) {
    double largest = 1;
    for (const model::IntervalReport& report : model::evaluate(graph, text).intervals) {
        for (const double value : {report.smallest, report.largest}) {
            largest =
                std::max(largest, std::abs(2 * value - report.lower - report.upper) / (report.upper - report.lower));
        }
    }
    return 1.0001 * largest;
}

void expect_interpreters_answers(const model::Transformer& model, const compile::Plan& plan,
                                 std::span<const std::size_t> lengths) {
    for (const std::size_t length : lengths) {
        SCOPED_TRACE(length);
        const model::Tensor text = model.embedding.embed(
            model::random_tokens(length, model.embedding.tokens.rows, static_cast<unsigned>(90 + length)));
        const std::vector<double> exact = fixtures::exact_logits(model.graph, text, Positions::all);
        const double size = fixtures::largest_difference(exact, std::vector<double>(exact.size(), 0.0));
        ClearBackend backend(plan.frame.parameters, plan.frame.packing, {.noise = false});
        EXPECT_LT(fixtures::largest_difference(fixtures::clear_logits(plan, backend, text), exact), 1e-6 * (1 + size));
        const double most = largest_variable(model.graph, text);
        for (const Excursion& excursion : backend.excursions()) EXPECT_LE(excursion.worst, most) << excursion.step;
    }
}

/// All of them, or some of many.
std::vector<std::size_t> lengths_up_to(std::size_t context) {
    std::vector<std::size_t> lengths;
    for (std::size_t length = context; length > 0; length -= std::min(length, 1 + context / 16)) {
        lengths.push_back(length);
    }
    return lengths;
}

class EncodersTest : public testing::TestWithParam<EncoderShape> {};

TEST_P(EncodersTest, GiveTheInterpretersAnswersToTextsOfAllLengths) {
    const EncoderShape& shape = GetParam();
    const model::Transformer model = model::random_encoder(shape.model);
    const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(shape.ring_dimension));
    EXPECT_EQ(plan.frame.least_rows, 1U);
    expect_interpreters_answers(model, plan, lengths_up_to(shape.model.context));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, EncodersTest,
    testing::Values(EncoderShape{"small", 2048, encoder(1, 16, 2, 8, EncoderOutput::embedding)},
                    EncoderShape{"classes_of_six_tokens", 2048, encoder(2, 12, 3, 6, EncoderOutput::classes)},
                    EncoderShape{"tokens_in_groups_and_blocks", 2048, encoder(1, 24, 6, 11, EncoderOutput::tokens)},
                    EncoderShape{"blocks_alike_in_full_texts_only", 2048, encoder(1, 8, 2, 64, EncoderOutput::classes)},
                    EncoderShape{"wider_than_a_ciphertext", 2048, encoder(1, 96, 6, 16, EncoderOutput::embedding)},
                    EncoderShape{"one_head", 2048, encoder(2, 8, 1, 5, EncoderOutput::classes)},
                    EncoderShape{"heads_of_one_feature", 2048, encoder(1, 4, 4, 7, EncoderOutput::tokens)}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace polyformer::runtime
