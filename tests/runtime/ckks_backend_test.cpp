#include "polyformer/runtime/ckks_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <random>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/model/builders/random_decoder.h"
#include "polyformer/model/builders/random_encoder.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/runtime/clear/clear_backend.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/parallel.h"
#include "tests/compile/small_plan.h"
#include "tests/runtime/random_graph.h"

namespace polyformer::runtime {
namespace {

using model::NodeId;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::size_t kTokens = 8;
constexpr double kTolerance = 1e-5;

ckks::Parameters small_parameters() {
    ckks::ParametersLiteral literal;
    literal.ring_dimension = 1024;
    literal.working_levels = 5;
    literal.special_primes = 2;
    literal.security = ckks::Security::insecure;
    return ckks::Parameters::create(literal);
}

/// Each kind of step on ciphertexts, compared with the clear back end without noise.
class CkksBackendTest : public ::testing::Test {
  protected:
    CkksBackendTest() {
        ckks::KeyRequest request;
        request.add_relinearisation(parameters_, parameters_.max_level());
        for (std::size_t step = packing_.features; step < packing_.slots; step *= 2) {
            request.add_rotation(parameters_, static_cast<long>(step), parameters_.max_level());
        }
        for (const long step : {1L, 2L, 3L}) request.add_rotation(parameters_, step, parameters_.max_level());
        request.add_conjugation(parameters_, parameters_.max_level());
        keys_ = std::make_shared<const ckks::EvaluationKeys>(
            ckks::KeyGenerator(parameters_, secret_).evaluation_keys(request));
        backend_ = std::make_unique<CkksBackend>(parameters_, packing_, keys_);
        std::mt19937 random(1);
        std::uniform_real_distribution<double> uniform(-1, 1);
        for (std::size_t i = 0; i < packing_.slots; ++i) {
            left_.push_back(uniform(random));
            right_.push_back(uniform(random));
        }
    }

    ckks::Ciphertext encrypt(std::span<const double> slots, int level) const {
        const ckks::Encoder encoder(parameters_);
        return ckks::encrypt(parameters_, secret_, encoder.encode(slots, level, parameters_.scale(level)));
    }
    /// Canonical scale, `level`, and `expected` in the slots.
    void expect_slots(const ckks::Ciphertext& value, int level, std::span<const double> expected) const {
        EXPECT_EQ(value.level, level);
        EXPECT_NEAR(value.scale / parameters_.scale(level), 1, 1e-9);
        const auto slots =
            ckks::Encoder(parameters_).decode(ckks::decrypt(parameters_, secret_, value), expected.size());
        double worst = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) worst = larger(worst, std::abs(slots[i] - expected[i]));
        EXPECT_LT(worst, kTolerance);
    }
    template <class F>
    std::vector<double> slots(F function) const {
        std::vector<double> result;
        for (std::size_t i = 0; i < packing_.slots; ++i) result.push_back(function(i));
        return result;
    }

    ckks::Parameters parameters_ = small_parameters();
    compile::Packing packing_{parameters_.slots(), kTokens, parameters_.slots() / kTokens};
    ckks::SecretKey secret_ = ckks::SecretKey::generate(parameters_);
    std::shared_ptr<const ckks::EvaluationKeys> keys_;
    std::unique_ptr<CkksBackend> backend_;
    std::vector<double> left_;
    std::vector<double> right_;
};

TEST_F(CkksBackendTest, AddsAndMultipliesAtTheLowerLevel) {
    const auto left = encrypt(left_, 4);
    const auto right = encrypt(right_, 2);
    expect_slots(backend_->add(left, right), 2, slots([&](std::size_t i) { return left_[i] + right_[i]; }));
    expect_slots(backend_->multiply(left, right), 1, slots([&](std::size_t i) { return left_[i] * right_[i]; }));
    expect_slots(backend_->multiply(left, left), 3, slots([&](std::size_t i) { return left_[i] * left_[i]; }));
    expect_slots(backend_->square(left), 3, slots([&](std::size_t i) { return left_[i] * left_[i]; }));
    expect_slots(backend_->adjust(left, 1), 1, left_);
}

TEST_F(CkksBackendTest, AppliesMasksOfPeriodAndOfFullLength) {
    compile::AffineStep step;
    step.mask.resize(packing_.features);
    for (std::size_t f = 0; f < packing_.features; ++f) step.mask[f] = f % 3 == 0 ? 0 : 0.5;
    step.addend = right_;
    expect_slots(backend_->affine(step, encrypt(left_, 3)), 2,
                 slots([&](std::size_t i) { return left_[i] * step.mask[i % packing_.features] + right_[i]; }));
    step.mask = right_;
    step.addend.assign(packing_.features, 0.25);
    expect_slots(backend_->affine(step, encrypt(left_, 3)), 2,
                 slots([&](std::size_t i) { return left_[i] * right_[i] + 0.25; }));
    step.addend.clear();
    expect_slots(backend_->affine(step, encrypt(left_, 3)), 2,
                 slots([&](std::size_t i) { return left_[i] * right_[i]; }));
}

TEST_F(CkksBackendTest, MapsLinearlyWithBias) {
    compile::LinearMapStep step;
    step.map.period = packing_.features;
    step.map.inputs = 1;
    step.map.outputs = 2;
    step.map.baby = 2;
    std::vector<double> diagonal(packing_.features);
    for (std::size_t f = 0; f < packing_.features; ++f) diagonal[f] = 0.01 * static_cast<double>(f);
    step.map.blocks = {{ckks::DiagonalBlock{{0, diagonal}, {1, diagonal}}}, {ckks::DiagonalBlock{{3, diagonal}}}};
    step.bias = {std::vector<double>(packing_.features, -0.5), {}};
    const std::vector<ckks::Ciphertext> inputs = {encrypt(left_, 3)};
    const auto outputs = backend_->linear_map(step, inputs);
    ASSERT_EQ(outputs.size(), 2U);
    const auto at = [&](std::size_t i) { return left_[i % packing_.slots]; };
    expect_slots(outputs[0], 2,
                 slots([&](std::size_t i) { return diagonal[i % packing_.features] * (at(i) + at(i + 1)) - 0.5; }));
    expect_slots(outputs[1], 2, slots([&](std::size_t i) { return diagonal[i % packing_.features] * at(i + 3); }));
}

TEST_F(CkksBackendTest, MapsOfPairsAreRightAndDeviateAsTheClearBackEndForesees) {
    compile::LinearMapStep step;
    step.map.period = packing_.features;
    step.map.inputs = step.map.outputs = 2;
    step.map.baby = 2;
    std::vector<double> diagonal(packing_.features);
    for (std::size_t f = 0; f < packing_.features; ++f) diagonal[f] = 1 + 0.01 * static_cast<double>(f);
    const std::map<long, std::vector<double>> block{{0, diagonal}, {1, diagonal}, {3, diagonal}};
    step.bias.resize(2);
    // Noise that fresh ciphertexts do not have: as large as that of the map is then next to nothing.
    ClearBackend clear(parameters_, packing_, {.noise = false});
    std::mt19937 random(2);
    std::normal_distribution<double> noise(0, 1e-3);
    std::vector<ckks::Ciphertext> inputs;
    std::vector<ClearValue> exact;
    for (const std::vector<double>& slots : {left_, right_}) {
        std::vector<std::complex<double>> noisy;
        for (const double slot : slots) noisy.emplace_back(slot + noise(random), noise(random));
        inputs.push_back(
            ckks::encrypt(parameters_, secret_, ckks::Encoder(parameters_).encode(noisy, 3, parameters_.scale(3))));
        exact.push_back(clear.encrypt(slots, 3));
        exact.back().noise = exact.back().imaginary_noise = 1e-3;
    }
    using ckks::Pairing;
    for (const Pairing pairing : {Pairing::none, Pairing::outputs, Pairing::inputs, Pairing::both}) {
        step.map.pairing = pairing;
        step.map.blocks = {{block, block}, {block, {}}};
        if (pairing == Pairing::both) step.map.blocks = {{block, {}}, {{}, block}};
        const auto outputs = backend_->linear_map(step, inputs);
        const std::vector<ClearValue> expected = clear.linear_map(step, exact);
        for (std::size_t o = 0; o < 2; ++o) {
            const auto slots =
                ckks::Encoder(parameters_).decode(ckks::decrypt(parameters_, secret_, outputs[o]), packing_.slots);
            double real = 0;
            double imaginary = 0;
            for (std::size_t i = 0; i < slots.size(); ++i) {
                real += std::pow(slots[i].real() - expected[o].slots[i], 2);
                imaginary += std::pow(slots[i].imag(), 2);
            }
            const auto count = static_cast<double>(slots.size());
            EXPECT_NEAR(std::sqrt(real / count) / expected[o].noise, 1, 0.2) << static_cast<int>(pairing) << o;
            if (pairing == Pairing::none) {
                EXPECT_NEAR(std::sqrt(imaginary / count) / expected[o].imaginary_noise, 1, 0.2) << o;
            } else {
                EXPECT_LT(expected[o].imaginary_noise, 1e-4);
                EXPECT_LT(std::sqrt(imaginary / count), 1e-4);
            }
        }
    }
    exact[0].imaginary.assign(packing_.slots, 0.5);
    EXPECT_THAT([&] { clear.linear_map(step, exact); }, ThrowsMessage<Error>(HasSubstr("complex slots")));
}

TEST_F(CkksBackendTest, EvaluatesPolynomials) {
    compile::PolynomialStep step;
    step.series.coefficients = {0.25, 0.5, 0, 0.125};
    const std::vector<ckks::Ciphertext> inputs = {encrypt(left_, 4), encrypt(right_, 4)};
    const auto outputs = backend_->polynomial(step, inputs);
    ASSERT_EQ(outputs.size(), 2U);
    const auto value = [](double u) { return 0.25 + 0.5 * u + 0.125 * (4 * u * u * u - 3 * u); };
    expect_slots(outputs[0], 2, slots([&](std::size_t i) { return value(left_[i]); }));
    expect_slots(outputs[1], 2, slots([&](std::size_t i) { return value(right_[i]); }));
}

TEST_F(CkksBackendTest, SelectsOneTokenForAllRows) {
    expect_slots(backend_->select_token(encrypt(left_, 2), std::array{std::size_t{5}}), 1,
                 slots([&](std::size_t i) { return left_[5 * packing_.features + i % packing_.features]; }));
    EXPECT_THROW(backend_->select_token(encrypt(left_, 2), std::array{kTokens}), Error);
}

TEST_F(CkksBackendTest, SelectsATokenOfEachText) {
    compile::Packing packing = packing_;
    packing.images = 2;
    packing.features /= 2;
    const CkksBackend backend(parameters_, packing, keys_);
    const std::array<std::size_t, 2> rows{5, 1};
    expect_slots(backend.select_token(encrypt(left_, 2), rows), 1, slots([&](std::size_t i) {
                     const std::size_t position = i % packing.row();
                     return left_[rows[position / packing.features] * packing.row() + position];
                 }));
}

TEST_F(CkksBackendTest, RefusesPackingsThatDoNotFillTheRing) {
    const auto keys = std::make_shared<const ckks::EvaluationKeys>();
    EXPECT_THROW(CkksBackend(parameters_, {256, 8, 32}, keys), Error);
    EXPECT_THROW(backend_->bootstrap({}), Error);
}

model::RandomModelOptions small_model() {
    model::RandomModelOptions options = fixtures::transformer_shape(2, 12, 3, 6, 24, 20);
    options.activation_degree = options.inverse_sqrt_degree = 7;
    return options;
}

/// A whole transformer on ciphertext, widths and context not powers of two.
class EncryptedTransformerTest : public ::testing::Test {
  protected:
    model::Transformer transformer_ = model::random_model(small_model());
    compile::PlanOptions options_ = fixtures::plan_options(1024);

    void expect_interpreters_logits(const model::Transformer& transformer) const;
};

/// `values` as compile::pack_input() takes them.
std::vector<ckks::Ciphertext> encrypt(const compile::Frame& frame, const ckks::SecretKey& secret,
                                      std::span<const double> values, const compile::Lengths& lengths) {
    const ckks::Encoder encoder(frame.parameters);
    std::vector<ckks::Ciphertext> inputs;
    for (const auto& slots : compile::pack_input(frame, values, lengths)) {
        inputs.push_back(ckks::encrypt(frame.parameters, secret,
                                       encoder.encode(std::span<const double>(slots), frame.input_level,
                                                      frame.parameters.scale(frame.input_level))));
    }
    return inputs;
}

/// With fresh keys, from values to logits.
std::vector<double> encrypted_logits(const compile::Plan& plan, std::span<const double> values,
                                     const compile::Lengths& lengths) {
    const compile::Frame& frame = plan.frame;
    const ckks::SecretKey secret = ckks::SecretKey::generate(frame.parameters);
    auto keys = std::make_shared<const ckks::EvaluationKeys>(
        ckks::KeyGenerator(frame.parameters, secret).evaluation_keys(plan.keys));
    CkksBackend backend(frame.parameters, frame.packing, keys, plan.bootstrap_key_price);
    const auto result = run(plan, backend, encrypt(frame, secret, values, lengths), lengths);
    const ckks::Encoder encoder(frame.parameters);
    std::vector<std::vector<double>> slots;
    for (const ckks::Ciphertext& output : result.outputs) {
        std::vector<double>& real = slots.emplace_back();
        for (const auto& value : encoder.decode(ckks::decrypt(frame.parameters, secret, output), frame.packing.slots)) {
            real.push_back(value.real());
        }
    }
    return compile::unpack_output(frame, slots, frame.logit_rows(lengths));
}

void EncryptedTransformerTest::expect_interpreters_logits(const model::Transformer& transformer) const {
    const compile::Plan plan = compile::compile(transformer.graph, options_);
    ASSERT_GT(plan.summary.bootstraps, 0U);
    const auto ids = model::random_tokens(6, transformer.graph.vocabulary, small_model().seed + 1);  // a sample
    const model::Tensor embedded = transformer.embedding.embed(ids);
    const std::vector<double> logits = encrypted_logits(plan, embedded.values, {embedded.rows});
    const model::Tensor expected = model::evaluate(transformer.graph, embedded).logits;
    ASSERT_EQ(logits.size(), expected.values.size());
    for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected.values[i], 1e-3) << i;
}

TEST(EncryptedTransformer, IsTheSameBitByBitOnAnyNumberOfThreads) {
    model::RandomModelOptions shape = fixtures::transformer_shape(1, 8, 2, 4, 8, 8);
    shape.activation_degree = shape.inverse_sqrt_degree = 7;
    const model::Transformer model = model::random_model(shape);
    const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(1024));
    ASSERT_GT(plan.summary.bootstraps, 0U);
    const compile::Frame& frame = plan.frame;
    const ckks::SecretKey secret = ckks::SecretKey::generate(frame.parameters);
    const auto keys = std::make_shared<const ckks::EvaluationKeys>(
        ckks::KeyGenerator(frame.parameters, secret).evaluation_keys(plan.keys));
    const model::Tensor text = model.embedding.embed(model::random_tokens(4, 8, 1));
    const auto inputs = encrypt(frame, secret, text.values, {text.rows});
    const std::size_t threads = thread_count();
    std::vector<std::vector<std::uint64_t>> answers;
    for (const std::size_t count : {1U, 2U, 7U, 64U}) {
        set_thread_count(count);
        CkksBackend backend(frame.parameters, frame.packing, keys, plan.bootstrap_key_price);
        std::vector<std::uint64_t>& answer = answers.emplace_back();
        for (const ckks::Ciphertext& output : run(plan, backend, inputs, {text.rows}).outputs) {
            for (const ckks::RnsPolynomial& component : output.components) {
                for (std::size_t row = 0; row < component.limbs(); ++row) {
                    const auto limb = component.limb(row);
                    answer.insert(answer.end(), limb.begin(), limb.end());
                }
            }
        }
        EXPECT_FALSE(answer.empty());
        EXPECT_EQ(answer, answers.front()) << count << " threads";
    }
    set_thread_count(threads);
}

TEST(EncryptedImages, AgreeWithTheInterpreter) {
    fixtures::Builder builder(16, 6);
    NodeId x = builder.constant(builder.linear(builder.input(), 6, 8), 16, 8);
    x = builder.convolution(x, 4, 4, 8);
    x = builder.sum(x, builder.attention(x, 16, 8, 2, 4));
    x = builder.linear(builder.add(model::MergeTokens{builder.shuffle(x, 16, 8), 4}), 32, 8);
    x = builder.sum(x, builder.attention(x, 4, 8, 2, 0));
    x = builder.sum(x, builder.linear(builder.apply(builder.linear(x, 8, 12)), 12, 8));
    builder.linear(builder.add(model::TokenMean{x}), 8, 5);
    const model::Graph graph = builder.finish_fitted(5);
    const compile::Plan plan = compile::compile(graph, fixtures::plan_options(1024, compile::Positions::all, 2));
    ASSERT_GT(plan.summary.bootstraps, 0U);
    std::vector<double> values;
    std::vector<double> expected;
    for (const unsigned seed : {1U, 2U}) {  // the samples that bounds come from
        const model::Tensor image = builder.text(16, seed);
        values.insert(values.end(), image.values.begin(), image.values.end());
        const model::Tensor logits = model::evaluate(graph, image).logits;
        expected.insert(expected.end(), logits.values.begin(), logits.values.end());
    }
    const std::vector<double> logits = encrypted_logits(plan, values, {16, 16});
    ASSERT_EQ(logits.size(), expected.size());
    for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-3) << i;
}

TEST(EncryptedEncoders, AgreeWithTheInterpreter) {
    model::RandomEncoderOptions options{.layers = 1, .width = 12, .heads = 3, .context = 6, .feed_forward = 24};
    options.exp_degree = options.gelu_degree = 7;
    for (const auto output : {model::EncoderOutput::embedding, model::EncoderOutput::tokens}) {
        options.output = output;
        const model::Transformer model = model::random_encoder(options);
        const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(1024));
        ASSERT_GT(plan.summary.bootstraps, 0U);
        const model::Tensor text = model.embedding.embed(model::random_tokens(4, options.vocabulary, 5));
        const std::vector<double> answer = encrypted_logits(plan, text.values, {text.rows});
        const model::Tensor expected = model::evaluate(model.graph, text).logits;
        ASSERT_EQ(answer.size(), expected.values.size());
        for (std::size_t i = 0; i < answer.size(); ++i) ASSERT_NEAR(answer[i], expected.values[i], 2e-3) << i;
    }
}

TEST(EncryptedEncoders, SquareWeightsOfBothHalvesOfTheLanes) {
    fixtures::Builder builder(8, 12);
    const NodeId q = builder.linear(builder.input(), 12, 12);
    const NodeId root = builder.apply(builder.scores(q, q, 3));
    const NodeId weights = builder.add(model::Multiply{root, root});
    const NodeId sums = builder.add(model::AttentionSums{weights, 3, false, {}});
    const NodeId values = builder.add(model::AttentionValues{weights, q, 3, false, {}});
    builder.linear(builder.add(model::Multiply{values, builder.apply(sums)}), 12, 5);
    const model::Graph graph = builder.finish_fitted(5);
    const model::Tensor text = builder.text(8, 1);
    const std::vector<double> answer =
        encrypted_logits(compile::compile(graph, fixtures::plan_options(1024)), text.values, {text.rows});
    const model::Tensor expected = model::evaluate(graph, text).logits;
    ASSERT_EQ(answer.size(), expected.values.size());
    for (std::size_t i = 0; i < answer.size(); ++i) ASSERT_NEAR(answer[i], expected.values[i], 1e-3) << i;
}

TEST(EncryptedDecoders, AgreeWithTheInterpreter) {
    for (const std::size_t context : {4U, 8U}) {  // heads as pairs, the prefix behind their scores, and not
        model::RandomDecoderOptions options{
            .layers = 1, .width = 16, .heads = 2, .key_heads = 1, .context = context, .feed_forward = 24};
        options.exp_degree = options.reciprocal_degree = options.silu_degree = 7;
        const model::Transformer model = model::random_decoder(options);
        const compile::Plan plan = compile::compile(model.graph, fixtures::plan_options(1024));
        ASSERT_GT(plan.summary.bootstraps, 0U);
        const model::Tensor text = model.embedding.embed(model::random_tokens(3, options.vocabulary, 5));
        const std::vector<double> answer = encrypted_logits(plan, text.values, {text.rows});
        const model::Tensor expected = model::evaluate(model.graph, text).logits;
        ASSERT_EQ(answer.size(), expected.values.size());
        for (std::size_t i = 0; i < answer.size(); ++i) ASSERT_NEAR(answer[i], expected.values[i], 2e-3) << i;
    }
}

TEST_F(EncryptedTransformerTest, AgreesWithTheInterpreter) {
    expect_interpreters_logits(transformer_);
}

TEST_F(EncryptedTransformerTest, AgreesWithTheInterpreterWithFewKeys) {
    options_.keys = compile::Keys::small;
    expect_interpreters_logits(transformer_);
}

TEST_F(EncryptedTransformerTest, AgreesWithTheInterpreterForOtherNormsAndActivations) {
    model::RandomModelOptions options = small_model();
    options.norm = model::NormKind::rms_norm;
    options.attention_function = "sigmoid";
    options.feed_forward_function = "silu";
    expect_interpreters_logits(model::random_model(options));
    options.norm = model::NormKind::batch_norm;
    options.feed_forward_function = "square";
    expect_interpreters_logits(model::random_model(options));
}

TEST_F(EncryptedTransformerTest, NamesTheStepThatLacksARotationKey) {
    const compile::Plan plan = compile::compile(transformer_.graph, options_);
    const ckks::SecretKey secret = ckks::SecretKey::generate(plan.frame.parameters);
    ckks::KeyRequest request = plan.keys;
    request.rotation_levels.clear();
    auto keys = std::make_shared<const ckks::EvaluationKeys>(
        ckks::KeyGenerator(plan.frame.parameters, secret).evaluation_keys(request));
    CkksBackend backend(plan.frame.parameters, plan.frame.packing, keys, plan.bootstrap_key_price);
    const auto embedded = transformer_.embedding.embed(model::random_tokens(6, transformer_.graph.vocabulary, 5));
    EXPECT_THAT([&] { run(plan, backend, encrypt(plan.frame, secret, embedded.values, {6}), {6}); },
                ThrowsMessage<Error>(AllOf(HasSubstr("layers.0."), HasSubstr("rotation"))));
}

}  // namespace
}  // namespace polyformer::runtime
