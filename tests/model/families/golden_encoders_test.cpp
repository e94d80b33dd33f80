// Imported checkpoints against what scripts/golden-encoders computed with `transformers`.
#include "polyformer/model/families/read_checkpoint.h"
#include "tests/model/families/golden_outputs.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const std::filesystem::path kCheckpoints = std::filesystem::path(POLYFORMER_TEST_DATA) / "checkpoints";

class GoldenEncoder : public testing::TestWithParam<const char*> {};

TEST_P(GoldenEncoder, GivesWhatTransformersGives) {
    constexpr std::size_t kContext = 9;
    expect_golden_outputs(kCheckpoints / GetParam(), kContext);
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenEncoder,
                         testing::Values("bert-mean", "bert-first-dense", "bert-pretraining", "bert-classes",
                                         "distilbert-plain", "distilbert-masked", "distilbert-classes",
                                         "roberta-masked", "roberta-classes", "xlm-roberta-first"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST(ReadCheckpoint, SaysHowATextBecomesTokensAndWhatComesOut) {
    const ImportedModel model = read_checkpoint(kCheckpoints / "bert-mean", 9);
    EXPECT_EQ(model.text.output, TextOutput::embedding);
    EXPECT_TRUE(model.text.normalise);
    EXPECT_TRUE(model.text.special_tokens);
    EXPECT_EQ(model.text.most_tokens, 6U);  // sentence_bert_config.json, below 8 of the tokenizer and 9 of the context
    EXPECT_EQ(read_checkpoint(kCheckpoints / "bert-mean", 4).text.most_tokens, 4U);
    EXPECT_EQ(model.licence, "apache-2.0");
    EXPECT_EQ(model.family, "bert");
    EXPECT_TRUE(model.notes.empty());
    EXPECT_EQ(model.tokenizer_file, kCheckpoints / "bert-mean/tokenizer.json");

    const ImportedModel classes = read_checkpoint(kCheckpoints / "roberta-classes", 5);
    EXPECT_EQ(classes.text.output, TextOutput::classes);
    EXPECT_EQ(classes.text.labels, (std::vector<std::string>{"good", "bad", "neither"}));
    EXPECT_EQ(classes.text.most_tokens, 5U);
    EXPECT_EQ(classes.graph.context, 5U);
    EXPECT_EQ(classes.embedding.positions.rows, 5U);

    EXPECT_EQ(read_checkpoint(kCheckpoints / "roberta-masked", 5).text.output, TextOutput::tokens);
    const ImportedModel plain = read_checkpoint(kCheckpoints / "distilbert-plain", 5);
    ASSERT_EQ(plain.notes.size(), 1U);
    EXPECT_THAT(plain.notes[0], testing::HasSubstr("their mean is taken"));
    EXPECT_FALSE(plain.text.normalise);
}

TEST(ReadCheckpoint, AContextBeyondThePositionsIsRefused) {
    expect_error<Error>([] { read_checkpoint(kCheckpoints / "bert-mean", 10); }, {"10 tokens", "1 to 9"});
    expect_error<Error>([] { read_checkpoint(kCheckpoints / "roberta-masked", 10); }, {"10 tokens", "1 to 9"});
    expect_error<Error>([] { read_checkpoint(kCheckpoints / "bert-mean", 0); }, {"0 tokens", "1 to 9"});
}

}  // namespace
}  // namespace polyformer::model
