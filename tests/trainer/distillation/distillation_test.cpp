// Encoders in LibTorch beside what `polyformer import` makes of the same folders, and students that learn from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>

#include "polyformer/model/families/encoder_builder.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/train/distillation/distil_request.h"
#include "polyformer/train/distillation/encoder_rows.h"
#include "polyformer/trainer/descent/stage.h"
#include "polyformer/trainer/distil_stage.h"
#include "polyformer/trainer/distillation/encoder_texts.h"
#include "polyformer/trainer/distillation/student.h"
#include "tests/train/scratch.h"

namespace polyformer::train {
namespace {

constexpr std::size_t kContext = 8;
constexpr std::size_t kVocabulary = 30;

class Weights {
  public:
    explicit Weights(unsigned seed) : random_(seed) {}
    std::vector<float> vector(std::size_t size, float mean, float deviation) {
        std::normal_distribution<float> normal(mean, deviation);
        std::vector<float> values(size);
        for (float& value : values) value = normal(random_);
        return values;
    }
    model::Matrix matrix(std::size_t rows, std::size_t columns, float deviation) {
        return {rows, columns, vector(rows * columns, 0, deviation)};
    }
    model::LinearWeights linear(std::size_t rows, std::size_t columns) {
        return {matrix(rows, columns, 1.5F / std::sqrt(static_cast<float>(rows))), vector(columns, 0, 0.3F)};
    }
    model::NormWeights norm(std::size_t width) { return {vector(width, 1, 0.2F), vector(width, 0, 0.2F)}; }

  private:
    std::mt19937 random_;
};

model::EncoderCheckpoint random_encoder(const std::string& attention_function, unsigned seed) {
    model::EncoderCheckpoint encoder;
    encoder.shape = {.width = 16,
                     .layers = 2,
                     .heads = 4,
                     .hidden = 24,
                     .vocabulary = kVocabulary,
                     .types = 1,
                     .positions = kContext,
                     .first_position = 0,
                     .epsilon = 1e-5,
                     .activation = "gelu",
                     .attention_function = attention_function};
    Weights random(seed);
    encoder.weights = {.tokens = random.matrix(kVocabulary, 16, 1),
                       .positions = random.matrix(kContext, 16, 0.3F),
                       .embedding_norm = random.norm(16),
                       .layers = {}};
    for (std::size_t i = 0; i < encoder.shape.layers; ++i) {
        model::EncoderLayer layer{.query = random.linear(16, 16),
                                  .key = random.linear(16, 16),
                                  .value = random.linear(16, 16),
                                  .output = random.linear(16, 16),
                                  .attention_norm = random.norm(16),
                                  .up = random.linear(16, 24),
                                  .down = random.linear(24, 16),
                                  .feed_forward_norm = random.norm(16)};
        if (!attention_function.empty()) layer.shift = random.linear(16, 4);
        encoder.weights.layers.push_back(std::move(layer));
    }
    return encoder;
}

/// A folder that holds the encoder and, as far as reading goes, a tokenizer.
std::filesystem::path saved(const model::EncoderCheckpoint& encoder, const ScratchFolder& scratch) {
    const std::filesystem::path original = scratch.path() / "original";
    std::filesystem::create_directories(original);
    write_file(original / "tokenizer.json", "{}");
    if (encoder.pooling == model::Pooling::first) {
        std::filesystem::create_directories(original / "1_Pooling");
        write_file(original / "1_Pooling/config.json", R"({"pooling_mode_cls_token": true})");
        write_file(original / "modules.json", R"([{"type": "a.Transformer", "path": ""},
                                                  {"type": "a.Pooling", "path": "1_Pooling"}])");
    }
    const std::filesystem::path folder = scratch.path() / "encoder";
    model::write_encoder(encoder.shape, encoder.weights, original, folder);
    return folder;
}

std::vector<std::vector<std::int32_t>> random_texts(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::vector<std::int32_t>> texts(count);
    for (auto& text : texts) {
        text.resize(1 + random() % kContext);
        for (std::int32_t& id : text) id = static_cast<std::int32_t>(random() % kVocabulary);
    }
    return texts;
}

/// As rows of a prepared text.
PreparedText rows_of(const std::vector<std::vector<std::int32_t>>& texts) {
    std::vector<std::int32_t> ids;
    for (std::vector<std::int32_t> row : texts) {
        row.resize(kContext, kVocabulary);
        ids.insert(ids.end(), row.begin(), row.end());
    }
    const auto owner = std::make_shared<const std::vector<std::int32_t>>(std::move(ids));
    PreparedText rows;
    rows.vocabulary = kVocabulary + 1;
    rows.end_of_line = kVocabulary;
    rows.ids = *owner;
    rows.owner = owner;
    return rows;
}

torch::Tensor batch_of(const std::vector<std::vector<std::int32_t>>& texts) {
    const auto count = static_cast<std::int64_t>(texts.size());
    torch::Tensor ids = torch::full({count, static_cast<std::int64_t>(kContext)}, kNoToken, torch::kInt64);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto& text = texts[static_cast<std::size_t>(i)];
        for (std::size_t t = 0; t < text.size(); ++t) ids[i][static_cast<std::int64_t>(t)] = text[t];
    }
    return ids;
}

/// Every text as the imported graph evaluates it, alone and with exact functions, is what LibTorch makes of the batch.
void expect_what_import_gives(EncoderImpl& encoder, const std::filesystem::path& folder) {
    const auto texts = random_texts(9, 5);
    // As read_checkpoint() puts it together; that itself would bring the tokenizer, which LibTorch cannot live with.
    const model::EncoderCheckpoint found_in = model::read_encoder(folder);
    const model::EncoderWeights& weights = found_in.weights;
    const model::Graph graph =
        model::build_encoder(found_in.shape, weights, model::EmbeddingHead{found_in.pooling, {}}, kContext);
    const model::Embedding embedding{
        .tokens = weights.tokens,
        .positions = weights.positions,
        .norm = model::EmbeddingNorm{weights.embedding_norm.gamma, weights.embedding_norm.beta,
                                     static_cast<float>(found_in.shape.epsilon)}};
    const torch::NoGradGuard no_gradients;
    const torch::Tensor found = encoder.forward(batch_of(texts));
    std::vector<model::Tensor> embedded;
    for (const auto& text : texts) embedded.push_back(embedding.embed(text));
    const auto expected = model::evaluate_batch(graph, embedded, model::Functions::exact);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        for (std::size_t c = 0; c < 16; ++c) {
            const auto value = found[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(c)].item<double>();
            EXPECT_NEAR(value, expected[i].at(0, c), 1e-4) << "text " << i << ", feature " << c;
        }
    }
}

std::shared_ptr<Student> student_of(const std::string& attention) {
    return std::make_shared<Student>(std::make_shared<model::EncoderCheckpoint>(random_encoder("", 3)), attention);
}

EncoderTexts toy_texts(std::uint64_t seed) {
    return {rows_of(random_texts(400, 7)), kContext, 8, seed};
}

Schedule toy_schedule() {
    DistilSettings settings;
    settings.updates = 60;
    settings.batch = 8;
    settings.learning_rate = 3e-3;
    settings.range_weight = 1e-5;
    return schedule_of(settings, 50);
}

class Encoders : public testing::TestWithParam<const char*> {};

TEST_P(Encoders, AreTheFunctionThatImportGives) {
    for (const model::Pooling pooling : {model::Pooling::mean, model::Pooling::first}) {
        const ScratchFolder scratch("encoder");
        const std::string attention = GetParam();
        auto checkpoint = random_encoder(attention == "softmax" ? "" : attention, 11);
        checkpoint.pooling = pooling;
        const std::filesystem::path folder = saved(checkpoint, scratch);
        EncoderImpl encoder(std::make_shared<model::EncoderCheckpoint>(model::read_encoder(folder)), attention);
        expect_what_import_gives(encoder, folder);
    }
}

TEST_P(Encoders, LearnAndAreWrittenAsTheyAre) {
    const ScratchFolder scratch("student");
    torch::manual_seed(1);
    const auto student = student_of(GetParam());
    EncoderTexts texts = toy_texts(2);
    EncoderTexts held_out{rows_of(random_texts(64, 8)), kContext, 8, 1};
    student->start_pointwise(texts, 20);
    const torch::Tensor teachers = student->teacher().parameters().front().clone();
    // What a student of softmax must unlearn first.
    if (std::string(GetParam()) == "softmax") {
        const torch::NoGradGuard no_gradients;
        for (torch::Tensor& parameter : student->parameters()) parameter.mul_(1.2);
    }
    const Distance before = student->distance(held_out, 8);
    StageOptions options;
    options.name = "distil";
    options.schedule = toy_schedule();
    options.checkpoint = scratch.path() / "checkpoint";
    options.recipe = "a recipe";
    options.quiet = true;
    for (Site& site : student->sites) {
        site.lower = site.kind == SiteKind::variance ? 0.1 : -10;
        site.upper = 10;
    }
    EXPECT_TRUE(run_stage(*student, texts, options).complete);
    EXPECT_LT(student->distance(held_out, 8).loss, 0.8 * before.loss);
    EXPECT_TRUE(torch::equal(teachers, student->teacher().parameters().front()));

    std::filesystem::create_directories(scratch.path() / "original");
    write_file(scratch.path() / "original/tokenizer.json", "{}");
    model::write_encoder(student->shape(), student->weights(), scratch.path() / "original", scratch.path() / "out");
    expect_what_import_gives(*student, scratch.path() / "out");
}

INSTANTIATE_TEST_SUITE_P(Attention, Encoders, testing::Values("softmax", "sigmoid", "gelu"));

TEST(Students, OfSoftmaxBeginAsTheirTeacher) {
    const auto student = student_of("softmax");
    EncoderTexts texts = toy_texts(2);
    const Distance distance = student->distance(texts, 4);
    EXPECT_LT(distance.loss, 1e-5);
    EXPECT_NEAR(distance.cosine, 1, 1e-5);
    // The embedding, which the client computes, is no parameter, nor is the teacher.
    EXPECT_EQ(student->parameters().size(), 2U * 16);
}

TEST(Students, WithPointwiseAttentionBeginNearerToTheirTeacher) {
    for (const char* attention : {"sigmoid", "gelu"}) {
        const auto student = student_of(attention);
        EncoderTexts texts = toy_texts(2);
        const double before = student->distance(texts, 10).loss;
        student->start_pointwise(texts, 20);
        EXPECT_LT(student->distance(texts, 10).loss, before) << attention;
    }
}

TEST(Students, PaddingIsNotRecorded) {
    const auto student = student_of("sigmoid");
    const torch::NoGradGuard no_gradients;
    std::vector<torch::Tensor> inputs;
    student->forward(batch_of({{1, 2, 3}, {4}}), &inputs);
    ASSERT_EQ(inputs.size(), student->sites.size());
    EXPECT_EQ(inputs[0].index({0, 0, 2, 3}).item<double>(), 0);
    EXPECT_NE(inputs[0].index({0, 0, 2, 2}).item<double>(), 0);
    EXPECT_EQ(inputs[0].index({1, 0, 1, 0}).item<double>(), 0);
    EXPECT_EQ(inputs[1].sizes(), (std::vector<std::int64_t>{1, 4, 1}));
    EXPECT_EQ(inputs[2].sizes(), (std::vector<std::int64_t>{1, 4, 24}));
}

/// A stage's folder, and what it needs.
std::filesystem::path prepared_stage(const ScratchFolder& scratch, const std::string& name) {
    const std::filesystem::path folder = scratch.path() / name;
    std::filesystem::create_directories(folder);
    save_rows(random_texts(400, 7), kVocabulary, kContext, scratch.path() / "train.ids");
    save_rows(random_texts(40, 8), kVocabulary, kContext, scratch.path() / "valid.ids");
    DistilRequest request;
    request.settings.attention = "sigmoid";
    request.settings.context = kContext;
    request.settings.updates = 30;
    request.settings.batch = 8;
    request.teacher = scratch.path() / "encoder";
    request.prepared = scratch.path();
    request.out = scratch.path() / (name + "-out");
    request.recipe = {{"a", "recipe"}};
    save_request(request, folder);
    return folder;
}

TEST(Distillation, AfterAnInterruptionEndsAsOneWithout) {
    const ScratchFolder scratch("distillation");
    saved(random_encoder("", 3), scratch);
    StagesOptions whole{.folder = prepared_stage(scratch, "whole"), .quiet = true};
    EXPECT_TRUE(carry_out_distillation(whole));
    StagesOptions broken{.folder = prepared_stage(scratch, "broken"), .quiet = true, .stop_after = 11};
    EXPECT_FALSE(carry_out_distillation(broken));
    EXPECT_FALSE(std::filesystem::exists(scratch.path() / "broken-out"));
    broken.stop_after.reset();
    EXPECT_TRUE(carry_out_distillation(broken));
    const char* file = "model.safetensors";
    EXPECT_EQ(read_file(scratch.path() / "whole-out" / file), read_file(scratch.path() / "broken-out" / file));
    const auto results = nlohmann::json::parse(read_file(scratch.path() / "whole/results.json"));
    EXPECT_LT(results["held_out"]["after"]["loss"], results["held_out"]["before"]["loss"]);
    EXPECT_EQ(model::read_encoder(scratch.path() / "whole-out").shape.attention_function, "sigmoid");
}

}  // namespace
}  // namespace polyformer::train
