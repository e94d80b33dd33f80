// Encoders written again, whatever they came from, and what else `polyformer distil` relies on.
#include "polyformer/model/families/encoder_checkpoint.h"

#include "polyformer/model/families/read_checkpoint.h"
#include "tests/model/families/golden_outputs.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const std::filesystem::path kCheckpoints = std::filesystem::path(POLYFORMER_TEST_DATA) / "checkpoints";

TEST(EncoderCheckpoint, IsWrittenAsWhatItWasReadAs) {
    for (const char* name : {"bert-mean", "bert-first-dense", "distilbert-plain", "xlm-roberta-first"}) {
        SCOPED_TRACE(name);
        const ScratchDirectory scratch;
        const EncoderCheckpoint encoder = read_encoder(kCheckpoints / name);
        const std::filesystem::path out = scratch.path() / "out";
        write_encoder(encoder.shape, encoder.weights, kCheckpoints / name, out);
        expect_golden_outputs(out, 9);
        const ImportedModel before = read_checkpoint(kCheckpoints / name, 9);
        const ImportedModel after = read_checkpoint(out, 9);
        EXPECT_EQ(after.text.most_tokens, before.text.most_tokens);
        EXPECT_EQ(after.text.normalise, before.text.normalise);
        EXPECT_EQ(after.licence, before.licence);
        EXPECT_EQ(after.family, "bert");
        EXPECT_EQ(read_encoder(out).pooling, encoder.pooling);
    }
}

TEST(EncoderCheckpoint, PointwiseAttentionNeedsItsFunctionAndShifts) {
    const ScratchDirectory scratch;
    EncoderCheckpoint encoder = read_encoder(kCheckpoints / "bert-mean");
    encoder.shape.attention_function = "sigmoid";
    const std::size_t heads = encoder.shape.heads;
    for (EncoderLayer& layer : encoder.weights.layers) {
        layer.shift = {{encoder.shape.width, heads, std::vector<float>(encoder.shape.width * heads, 0.1F)},
                       std::vector<float>(heads, -1.0F)};
    }
    const std::filesystem::path out = scratch.path() / "out";
    write_encoder(encoder.shape, encoder.weights, kCheckpoints / "bert-mean", out);
    const EncoderCheckpoint found = read_encoder(out);
    EXPECT_EQ(found.shape.attention_function, "sigmoid");
    EXPECT_EQ(found.weights.layers[0].shift.weight.values, encoder.weights.layers[0].shift.weight.values);
    const ImportedModel model = read_checkpoint(out, 9);
    EXPECT_EQ(model.family, kPointwiseBert);
    std::size_t averages = 0;
    for (const Node& node : model.graph.nodes) {
        const auto* values = std::get_if<AttentionValues>(&node.operation);
        averages += values != nullptr && values->averages ? 1 : 0;
        EXPECT_FALSE(std::holds_alternative<AttentionSums>(node.operation)) << node.name;
    }
    EXPECT_EQ(averages, encoder.shape.layers);

    auto config = nlohmann::json::parse(read_file(out / "config.json"));
    config["attention_function"] = "softmax";
    write_file(out / "config.json", config.dump());
    expect_error<FormatError>([&] { read_encoder(out); },
                              {"config.json", "'attention_function' is 'softmax'", "sigmoid or gelu"});
}

TEST(EncoderCheckpoint, IsNotWrittenOverAnything) {
    const ScratchDirectory scratch;
    write_file(scratch.path() / "notes.txt", "mine");
    const EncoderCheckpoint encoder = read_encoder(kCheckpoints / "bert-mean");
    expect_error<Error>(
        [&] { write_encoder(encoder.shape, encoder.weights, kCheckpoints / "bert-mean", scratch.path()); },
        {"is there already", "name another"});
    EXPECT_EQ(read_file(scratch.path() / "notes.txt"), "mine");
}

}  // namespace
}  // namespace polyformer::model
