#include "polyformer/model/language/embedding.h"

#include "polyformer/model/graph/safetensors.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

TEST(Embedding, RoundTripIsExact) {
    const ScratchDirectory scratch;
    const Embedding golden = load_embedding(kGolden);
    save_embedding(golden, scratch.path());
    const Embedding embedding = load_embedding(scratch.path());
    EXPECT_EQ(embedding.tokens.values, golden.tokens.values);
    EXPECT_EQ(embedding.positions.values, golden.positions.values);
}

TEST(Embedding, ChecksItsTables) {
    const ScratchDirectory scratch;
    Embedding embedding = load_embedding(kGolden);
    embedding.positions.columns = 4;
    embedding.positions.rows = 10;
    expect_error<Error>([&] { save_embedding(embedding, scratch.path()); },
                        {"tokens have 8 features, its positions 4"});
    std::filesystem::copy_file(kGolden / "weights.safetensors", scratch.path() / "embedding.safetensors");
    expect_error<FormatError>([&] { load_embedding(scratch.path()); }, {"embedding.safetensors", "'tokens'"});
}

TEST(Embedding, AddsPositions) {
    const Embedding embedding{{2, 2, {1, 2, 3, 4}}, {3, 2, {10, 20, 30, 40, 50, 60}}};
    EXPECT_EQ(embedding.embed(std::vector{1, 0, 1}).values, (std::vector<double>{13, 24, 31, 42, 53, 64}));
    expect_error<Error>([&] { embedding.embed(std::vector{0, 2}); }, {"token 1 has the id 2", "0 to 1"});
    expect_error<Error>([&] { embedding.embed(std::vector{-1}); }, {"token 0 has the id -1"});
    expect_error<Error>([&] { embedding.embed(std::vector{0, 0, 0, 0}); }, {"4 tokens", "context of 1 to 3"});
    expect_error<Error>([&] { embedding.embed({}); }, {"0 tokens"});
}

TEST(Embedding, MayHaveNoPositions) {
    const Embedding embedding{{2, 2, {1, 2, 3, 4}}, {}};
    const ScratchDirectory scratch;
    save_embedding(embedding, scratch.path());
    const Embedding loaded = load_embedding(scratch.path());
    EXPECT_EQ(loaded.positions.rows, 0U);
    EXPECT_EQ(loaded.embed(std::vector{1, 0, 1}).values, (std::vector<double>{3, 4, 1, 2, 3, 4}));
    EXPECT_GT(loaded.places(), 1000U);
}

/// Rows 1, 2, 3, 6 (mean 3, variance 3.5) and a constant one.
Embedding normalised() {
    return {{2, 4, {1, 2, 3, 6, 0, 0, 0, 0}},
            {2, 4, {0, 0, 0, 0, 5, 5, 5, 5}},
            EmbeddingNorm{.gamma = {1, 2, 3, 4}, .beta = {0.5, 0, 0, -1}, .epsilon = 0.5F}};
}

TEST(Embedding, NormalisesTheSum) {
    const Tensor rows = normalised().embed(std::vector{0, 1});
    const std::vector<double> expected = {-1 + 0.5, -1, 0, 6 - 1, 0.5, 0, 0, -1};
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(rows.values[i], expected[i], 1e-15) << i;
}

TEST(Embedding, KeepsItsNorm) {
    const ScratchDirectory scratch;
    save_embedding(normalised(), scratch.path());
    const Embedding embedding = load_embedding(scratch.path());
    ASSERT_TRUE(embedding.norm.has_value());
    EXPECT_EQ(embedding.norm->gamma, normalised().norm->gamma);
    EXPECT_EQ(embedding.norm->beta, normalised().norm->beta);
    EXPECT_EQ(embedding.norm->epsilon, 0.5F);
}

TEST(Embedding, ChecksItsNorm) {
    const ScratchDirectory scratch;
    Embedding embedding = normalised();
    embedding.norm->beta.pop_back();
    expect_error<Error>([&] { save_embedding(embedding, scratch.path()); }, {"4 features", "4 values of gamma and 3"});
    embedding = normalised();
    embedding.norm->epsilon = 0;
    expect_error<Error>([&] { save_embedding(embedding, scratch.path()); }, {"epsilon", "is 0"});

    const auto file = scratch.path() / "embedding.safetensors";
    const std::vector<float> table(8, 1);
    const std::vector<float> row(4, 1);
    FloatTensorViews tensors{{"tokens", {{2, 4}, table}},
                             {"positions", {{2, 4}, table}},
                             {"norm.gamma", {{4}, row}},
                             {"norm.beta", {{4}, row}}};
    write_safetensors(tensors, file);
    expect_error<FormatError>([&] { load_embedding(scratch.path()); }, {"lacks", "'norm.epsilon'"});
    tensors["norm.epsilon"] = {{4}, row};
    write_safetensors(tensors, file);
    expect_error<FormatError>([&] { load_embedding(scratch.path()); }, {"'norm.epsilon' holds 4 values"});
    tensors.erase("norm.gamma");
    write_safetensors(tensors, file);
    expect_error<FormatError>([&] { load_embedding(scratch.path()); }, {"holds 4 tensors", "no others"});
}

}  // namespace
}  // namespace polyformer::model
