// Imported decoders against what scripts/golden-decoders computed with `transformers`.
#include "polyformer/model/families/read_checkpoint.h"
#include "tests/model/families/golden_outputs.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

const std::filesystem::path kDecoders = std::filesystem::path(POLYFORMER_TEST_DATA) / "decoders";
constexpr std::size_t kContext = 9;

class GoldenDecoder : public testing::TestWithParam<const char*> {};

TEST_P(GoldenDecoder, GivesWhatTransformersGives) {
    expect_golden_outputs(kDecoders / GetParam(), kContext);
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenDecoder,
                         testing::Values("llama-plain", "llama-scaled", "llama-shared", "mistral", "qwen2",
                                         "gpt2-plain", "gpt2-scaled"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

std::vector<std::string> names_of(const Graph& graph, const std::string& beginning) {
    std::vector<std::string> names;
    for (const Node& node : graph.nodes) {
        if (node.name.starts_with(beginning)) names.push_back(node.name.substr(beginning.size()));
    }
    return names;
}

TEST(ReadDecoder, SaysHowATextBecomesTokensAndWhatComesOut) {
    const ImportedModel model = read_checkpoint(kDecoders / "llama-scaled", 7);
    EXPECT_EQ(model.text.output, TextOutput::next_token);
    EXPECT_TRUE(model.text.special_tokens);
    EXPECT_TRUE(model.text.prefix.empty());
    EXPECT_EQ(model.family, "llama");
    EXPECT_EQ(model.graph.context, 7U);
    EXPECT_EQ(model.graph.vocabulary, 13U);
    EXPECT_TRUE(model.embedding.positions.values.empty());
    EXPECT_EQ(read_checkpoint(kDecoders / "gpt2-plain", 7).embedding.positions.rows, 7U);
}

TEST(ReadDecoder, NodesHaveTheNamesThatOthersLookFor) {
    const ImportedModel model = read_checkpoint(kDecoders / "llama-scaled", 7);
    EXPECT_EQ(
        names_of(model.graph, "layers.1.attention."),
        (std::vector<std::string>{"query", "key", "value", "query_rotated", "key_rotated", "scores", "shift", "shifted",
                                  "weights", "values", "sums", "inverse", "mixed", "output", "residual"}));
    EXPECT_EQ(names_of(model.graph, "layers.1.feed_forward."),
              (std::vector<std::string>{"gate", "activation", "up", "gated", "down", "residual"}));
    EXPECT_EQ(names_of(model.graph, "final_norm."),
              (std::vector<std::string>{"square", "variance", "shifted_variance", "inverse_sqrt", "output"}));
    const Graph plain = read_checkpoint(kDecoders / "gpt2-plain", 7).graph;
    EXPECT_EQ(names_of(plain, "layers.0.feed_forward."),
              (std::vector<std::string>{"up", "activation", "down", "residual"}));
    // An RMSNorm adds nothing, so maps without a bias keep none.
    for (const Node& node : read_checkpoint(kDecoders / "llama-plain", 7).graph.nodes) {
        const auto* linear = std::get_if<Linear>(&node.operation);
        if (linear != nullptr && !node.name.ends_with("shift")) {
            EXPECT_TRUE(linear->bias.empty()) << node.name;
        }
    }
}

/// A copy whose config.json may be changed.
class ChangedDecoder {
  public:
    ChangedDecoder(const char* name, const std::function<void(nlohmann::json&)>& change) {
        std::filesystem::copy(kDecoders / name, scratch_.path(), std::filesystem::copy_options::recursive);
        auto config = nlohmann::json::parse(read_file(scratch_.path() / "config.json"));
        change(config);
        write_file(scratch_.path() / "config.json", config.dump());
    }
    void expect_refused(const std::vector<std::string>& parts, std::size_t context = kContext) const {
        expect_error<FormatError>([&] { read_checkpoint(scratch_.path(), context); }, parts);
    }
    const std::filesystem::path& path() const { return scratch_.path(); }

  private:
    ScratchDirectory scratch_;
};

TEST(ReadDecoder, RefusesByNameWhatItLacks) {
    using Json = nlohmann::json;
    const auto refused = [](const char* name, const std::function<void(Json&)>& change,
                            const std::vector<std::string>& parts) {
        ChangedDecoder(name, change).expect_refused(parts);
    };
    refused("llama-scaled", [](Json& c) { c["rope_parameters"]["rope_type"] = "yarn"; }, {"rope_parameters", "'yarn'"});
    refused("llama-shared", [](Json& c) { c["rope_scaling"]["type"] = "dynamic"; }, {"rope_scaling", "'dynamic'"});
    refused("llama-shared", [](Json& c) { c["rope_scaling"].erase("factor"); },
            {"rope_scaling", "'factor' is missing"});
    refused("llama-shared", [](Json& c) { c["rope_scaling"] = 7; }, {"'rope_scaling' must be an object"});
    refused("llama-scaled", [](Json& c) { c["rope_parameters"]["low_freq_factor"] = 5; }, {"'low_freq_factor' is 5"});
    refused("llama-shared",
            [](Json& c) {
                c["rope_parameters"] = nullptr;
                c["rope_scaling"]["type"] = "longrope";
            },
            {"rope_scaling", "'longrope'"});
    refused("llama-plain", [](Json& c) { c["partial_rotary_factor"] = 0.5; }, {"'partial_rotary_factor' is 0.5"});
    refused("llama-plain", [](Json& c) { c["head_dim"] = 3; }, {"heads of 3 features"});
    refused("qwen2", [](Json& c) { c["num_attention_heads"] = 16; }, {"16 heads", "8 features"});
    refused("llama-plain", [](Json& c) { c["num_key_value_heads"] = 3; }, {"4 heads", "3 heads of keys"});
    refused("llama-plain", [](Json& c) { c["hidden_act"] = "relu2"; }, {"'hidden_act' is 'relu2'"});
    refused("llama-plain", [](Json& c) { c["architectures"] = {"LlamaForSequenceClassification"}; },
            {"LlamaForSequenceClassification", "ForCausalLM"});
    refused("llama-plain", [](Json& c) { c["intermediate_size"] = 12; }, {"model.layers.0.mlp.gate_proj", "[12, 8]"});
    refused("llama-plain", [](Json& c) { c["num_hidden_layers"] = 1; }, {"no place in the model", "model.layers.1."});
    refused("llama-scaled", [](Json& c) { c["attention_bias"] = false; }, {"no place in the model"});
    refused("mistral", [](Json& c) { c["sliding_window"] = 8; }, {"'sliding_window'", "last 8", "at most 8, not 9"});
    refused("qwen2",
            [](Json& c) {
                c["use_sliding_window"] = true;
                c["sliding_window"] = 8;
            },
            {"'sliding_window'", "last 8"});
    refused("gpt2-plain", [](Json& c) { c["add_cross_attention"] = true; }, {"'add_cross_attention'"});
    refused("gpt2-plain", [](Json& c) { c["n_head"] = 3; }, {"3 heads do not divide a width of 8"});
    refused("gpt2-plain", [](Json& c) { c["model_type"] = "gptj"; }, {"'gptj'", "llama", "gpt2"});
}

TEST(ReadDecoder, LogitsWithoutAMatrixOfTheirOwnAreTied) {
    // As of old configs, which say nothing.
    const ChangedDecoder silent("qwen2", [](nlohmann::json& c) { c.erase("tie_word_embeddings"); });
    const ImportedModel expected = read_checkpoint(kDecoders / "qwen2", kContext);
    const ImportedModel found = read_checkpoint(silent.path(), kContext);
    EXPECT_EQ(std::get<Linear>(found.graph.nodes.back().operation).weight.values,
              std::get<Linear>(expected.graph.nodes.back().operation).weight.values);
}

TEST(ReadDecoder, AContextBeyondThePositionsIsRefused) {
    expect_error<Error>([] { read_checkpoint(kDecoders / "gpt2-plain", 10); }, {"10 tokens", "1 to 9"});
    expect_error<Error>([] { read_checkpoint(kDecoders / "llama-plain", 0); }, {"0 tokens", "1 to 9"});
}

}  // namespace
}  // namespace polyformer::model
