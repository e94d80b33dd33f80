#include "polyformer/model/language/embedding.h"

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

}  // namespace
}  // namespace polyformer::model
