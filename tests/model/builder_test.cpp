#include <cmath>

#include "fixtures.h"
#include "model/safetensors.h"
#include "model/transformer_builder.h"

namespace polyformer::model {
namespace {

/// The weights that scripts/golden-model wrote unfolded.
class GoldenWeights {
  public:
    GoldenWeights() : tensors_(read_safetensors(kGolden / "unfolded.safetensors")) {}

    TransformerWeights weights(std::size_t layers) const {
        TransformerWeights result;
        result.heads = golden_json("expected.json")["heads"];
        result.tokens = matrix("tokens");
        result.positions = matrix("positions");
        for (std::size_t i = 0; i < layers; ++i) {
            const std::string p = fmt::format("layers.{}.", i);
            result.layers.push_back({.attention_norm = norm(p + "attention_norm"),
                                     .query = linear(p + "query"),
                                     .key = linear(p + "key"),
                                     .value = linear(p + "value"),
                                     .output = linear(p + "output"),
                                     .feed_forward_norm = norm(p + "feed_forward_norm"),
                                     .up = linear(p + "up"),
                                     .down = linear(p + "down")});
        }
        result.final_norm = norm("final_norm");
        result.logits = linear("logits");
        result.length_scale = tensors_.at("length_scale").values;
        return result;
    }

  private:
    Matrix matrix(const std::string& name) const {
        const FloatTensor& tensor = tensors_.at(name);
        return {tensor.shape.at(0), tensor.shape.at(1), tensor.values};
    }
    LinearWeights linear(const std::string& name) const {
        return {matrix(name + ".weight"), tensors_.at(name + ".bias").values};
    }
    NormWeights norm(const std::string& name) const {
        return {tensors_.at(name + ".gamma").values, tensors_.at(name + ".beta").values};
    }

    FloatTensors tensors_;
};

Polynomial polynomial(const nlohmann::json& json) {
    return {json["lower"], json["upper"], json["chebyshev"]};
}

TransformerPolynomials golden_polynomials() {
    const nlohmann::json json = golden_json("polynomials.json");
    TransformerPolynomials result;
    for (const nlohmann::json& layer : json["layers"]) {
        result.layers.push_back({polynomial(layer["attention_norm"]), polynomial(layer["attention"]),
                                 polynomial(layer["feed_forward_norm"]), polynomial(layer["feed_forward"])});
    }
    result.final_norm = polynomial(json["final_norm"]);
    return result;
}

class Builder : public testing::Test {
  protected:
    TransformerPolynomials polynomials_ = golden_polynomials();
    TransformerWeights weights_ = GoldenWeights().weights(polynomials_.layers.size());
};

TEST_F(Builder, GivesTheLogitsOfTheUnfoldedNetwork) {
    const nlohmann::json expected = golden_json("expected.json");
    const Transformer model = build_transformer(weights_, polynomials_);
    const Tensor input = model.embedding.embed(expected["tokens"].get<std::vector<std::int32_t>>());
    const Tensor logits = evaluate(model.graph, input).logits;
    const auto reference = expected["unfolded_logits"].get<std::vector<double>>();
    ASSERT_EQ(logits.values.size(), reference.size());
    for (std::size_t i = 0; i < reference.size(); ++i) EXPECT_NEAR(logits.values[i], reference[i], 2e-6) << i;
}

TEST_F(Builder, FoldsLikeTheGoldenModel) {
    const Graph built = build_transformer(weights_, polynomials_).graph;
    const Graph golden = load_graph(kGolden);
    ASSERT_EQ(built.nodes.size(), golden.nodes.size());
    for (NodeId id = 0; id < built.nodes.size(); ++id) {
        EXPECT_EQ(built.nodes[id].name, golden.nodes[id].name);
        EXPECT_EQ(built.nodes[id].operation.index(), golden.nodes[id].operation.index());
        EXPECT_EQ(inputs_of(built.nodes[id].operation), inputs_of(golden.nodes[id].operation));
        if (const auto* linear = std::get_if<Linear>(&built.nodes[id].operation)) {
            const auto& other = std::get<Linear>(golden.nodes[id].operation);
            EXPECT_THAT(linear->weight.values, testing::Pointwise(testing::FloatNear(1e-6F), other.weight.values));
            EXPECT_THAT(linear->bias, testing::Pointwise(testing::FloatNear(1e-6F), other.bias));
        }
    }
}

TEST_F(Builder, KeepsTheResidualStreamCentred) {
    const Transformer model = build_transformer(weights_, polynomials_);
    const std::vector<Tensor> values = evaluate_all(model.graph, model.embedding.embed(std::vector{7, 0, 2}));
    for (NodeId id = 0; id < values.size(); ++id) {
        const std::string& name = model.graph.nodes[id].name;
        if (name != "input" && !name.ends_with(".residual")) continue;
        for (std::size_t t = 0; t < values[id].rows; ++t) {
            double sum = 0;
            for (std::size_t j = 0; j < values[id].columns; ++j) sum += values[id].at(t, j);
            EXPECT_NEAR(sum / static_cast<double>(values[id].columns), 0, 1e-6) << name << ", token " << t;
        }
    }
}

TEST_F(Builder, NamesTheWeightThatDoesNotFit) {
    const auto expect = [&](auto change, const std::vector<std::string>& parts) {
        TransformerWeights weights = weights_;
        change(weights);
        expect_error<Error>([&] { build_transformer(weights, polynomials_); }, parts);
    };
    expect([](auto& w) { w.layers[1].key.weight.rows = 7; }, {"'layers.1.attention.key'", "(7, 8)", "(8, 8)"});
    expect([](auto& w) { w.layers[0].down.bias.pop_back(); }, {"'layers.0.feed_forward.down'", "7 entries"});
    expect([](auto& w) { w.final_norm.gamma.clear(); }, {"'logits'", "gamma", "0 entries"});
    expect([](auto& w) { w.positions.columns = 4; }, {"'positions'", "(5, 4)"});
    expect([](auto& w) { w.heads = 3; }, {"width of 8", "3 heads"});
    expect([](auto& w) { w.length_scale.pop_back(); }, {"length scale has 4 entries"});
    expect([](auto& w) { w.layers.pop_back(); }, {"polynomials for 2 layers, but 1 layers"});
}

}  // namespace
}  // namespace polyformer::model
