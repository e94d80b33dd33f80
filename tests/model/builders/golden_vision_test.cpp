// Image models against what scripts/golden-vision computed of them.
#include <cmath>

#include "polyformer/model/builders/vision_builder.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

class GoldenVision : public testing::TestWithParam<const char*> {
  protected:
    Tensor input() const {
        const Graph& graph = golden_;
        return {graph.context, graph.width, expected_["nodes"]["input"].get<std::vector<double>>()};
    }

    /// Unfolded, as training knows them.
    VisionWeights weights() const {
        const GoldenTensors tensors(directory_ / "unfolded.safetensors");
        VisionWeights result;
        result.patches = tensors.linear("patches");
        result.positions = tensors.matrix("positions");
        for (std::size_t s = 0; s < expected_["stages"].size(); ++s) result.stages.push_back(stage(tensors, s));
        result.final_norm = tensors.norm("final_norm");
        result.classes = tensors.linear("classes");
        return result;
    }

    VisionPolynomials polynomials() const {
        VisionPolynomials result;
        for (const auto& json : expected_["polynomials"]["attention"]) {
            result.attention.push_back(golden_polynomial(json));
        }
        for (const auto& json : expected_["polynomials"]["feed_forward"]) {
            result.feed_forward.push_back(golden_polynomial(json));
        }
        return result;
    }

    const std::filesystem::path directory_ = std::filesystem::path(POLYFORMER_TEST_DATA) / GetParam();
    const nlohmann::json expected_ = nlohmann::json::parse(read_file(directory_ / "expected.json"));
    const Graph golden_ = load_graph(directory_);

  private:
    VisionStageWeights stage(const GoldenTensors& tensors, std::size_t s) const {
        const nlohmann::json& shape = expected_["stages"][s];
        VisionStageWeights result{.rows = shape["rows"], .columns = shape["columns"], .window = shape["window"]};
        result.heads = shape["heads"];
        const std::string prefix = fmt::format("stages.{}.", s);
        if (tensors.contains(prefix + "merge.weight")) {
            result.merge_norm = tensors.norm(prefix + "merge_norm");
            result.merge = tensors.linear(prefix + "merge");
        }
        for (std::size_t i = 0; i < shape["shifts"].size(); ++i) {
            result.layers.push_back(layer(tensors, fmt::format("{}layers.{}.", prefix, i)));
            result.layers.back().shift = shape["shifts"][i];
            result.layers.back().score_scale = shape["score_scale"];
        }
        return result;
    }

    static VisionLayerWeights layer(const GoldenTensors& tensors, const std::string& prefix) {
        VisionLayerWeights result;
        result.local = tensors.matrix(prefix + "local");
        result.local_bias = tensors.vector(prefix + "local_bias");
        result.attention_norm = tensors.norm(prefix + "attention_norm");
        result.query = tensors.linear(prefix + "query");
        result.key = tensors.linear(prefix + "key");
        result.value = tensors.linear(prefix + "value");
        result.output = tensors.linear(prefix + "output");
        result.head_scale = tensors.vector(prefix + "head_scale");
        result.score_bias = tensors.matrix(prefix + "score_bias");
        result.mask = tensors.matrix(prefix + "mask");
        result.feed_forward_norm = tensors.norm(prefix + "feed_forward_norm");
        result.up = tensors.linear(prefix + "up");
        if (tensors.contains(prefix + "hidden_local")) result.hidden_local = tensors.matrix(prefix + "hidden_local");
        result.hidden_norm = tensors.norm(prefix + "hidden_norm");
        result.down = tensors.linear(prefix + "down");
        return result;
    }
};

TEST_P(GoldenVision, InterpreterMatchesAtEveryNode) {
    const std::vector<Tensor> values = evaluate_all(golden_, input());
    ASSERT_EQ(values.size(), expected_["nodes"].size());
    for (NodeId id = 0; id < values.size(); ++id) {
        const auto node = expected_["nodes"][golden_.nodes[id].name].get<std::vector<double>>();
        ASSERT_EQ(values[id].values.size(), node.size()) << golden_.nodes[id].name;
        for (std::size_t i = 0; i < node.size(); ++i) {
            ASSERT_NEAR(values[id].values[i], node[i], 1e-9) << golden_.nodes[id].name << " at " << i;
        }
    }
}

TEST_P(GoldenVision, BuilderGivesTheLogitsOfTheUnfoldedNetwork) {
    const Tensor logits = evaluate(build_vision_transformer(weights(), polynomials()), input()).logits;
    const auto expected = expected_["unfolded_logits"].get<std::vector<double>>();
    ASSERT_EQ(logits.values.size(), expected.size());
    for (std::size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(logits.values[j], expected[j], 1e-6) << j;
}

TEST_P(GoldenVision, BuilderFoldsAlike) {
    const Graph built = build_vision_transformer(weights(), polynomials());
    const auto near = [](const std::vector<float>& values) {
        return testing::Pointwise(testing::FloatNear(1e-6F), values);
    };
    ASSERT_EQ(built.nodes.size(), golden_.nodes.size());
    for (NodeId id = 0; id < built.nodes.size(); ++id) {
        const Operation& one = built.nodes[id].operation;
        const Operation& other = golden_.nodes[id].operation;
        EXPECT_EQ(built.nodes[id].name, golden_.nodes[id].name);
        ASSERT_EQ(one.index(), other.index()) << built.nodes[id].name;
        EXPECT_EQ(inputs_of(one), inputs_of(other)) << built.nodes[id].name;
        if (const auto* linear = std::get_if<Linear>(&one)) {
            EXPECT_THAT(linear->weight.values, near(std::get<Linear>(other).weight.values));
            EXPECT_THAT(linear->bias, near(std::get<Linear>(other).bias));
        }
        if (const auto* mix = std::get_if<MixTokens>(&one)) {
            EXPECT_EQ(mix->sources, std::get<MixTokens>(other).sources) << built.nodes[id].name;
            EXPECT_THAT(mix->weights.values, near(std::get<MixTokens>(other).weights.values));
            EXPECT_THAT(mix->bias, near(std::get<MixTokens>(other).bias));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenVision, testing::Values("golden-vit", "golden-swin"), [](const auto& instance) {
    return std::string(instance.param == std::string("golden-vit") ? "Vit" : "Swin");
});

}  // namespace
}  // namespace polyformer::model
