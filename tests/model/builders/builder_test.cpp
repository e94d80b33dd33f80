#include <cmath>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/support/extremes.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

/// The weights that scripts/golden-model wrote unfolded.
class GoldenWeights {
  public:
    TransformerWeights weights(std::size_t layers) const {
        TransformerWeights result;
        result.heads = golden_json("expected.json")["heads"];
        result.score_scale = 1 / std::sqrt(8.0 / static_cast<double>(result.heads));
        result.tokens = tensors_.matrix("tokens");
        result.positions = tensors_.matrix("positions");
        for (std::size_t i = 0; i < layers; ++i) {
            const std::string p = fmt::format("layers.{}.", i);
            result.layers.push_back({.attention_norm = tensors_.norm(p + "attention_norm"),
                                     .query = tensors_.linear(p + "query"),
                                     .key = tensors_.linear(p + "key"),
                                     .value = tensors_.linear(p + "value"),
                                     .output = tensors_.linear(p + "output"),
                                     .mask = tensors_.matrix(p + "mask"),
                                     .feed_forward_norm = tensors_.norm(p + "feed_forward_norm"),
                                     .up = tensors_.linear(p + "up"),
                                     .down = tensors_.linear(p + "down")});
        }
        result.final_norm = tensors_.norm("final_norm");
        result.logits = tensors_.linear("logits");
        return result;
    }

  private:
    GoldenTensors tensors_{kGolden / "unfolded.safetensors"};
};

TransformerPolynomials golden_polynomials() {
    const nlohmann::json json = golden_json("polynomials.json");
    TransformerPolynomials result;
    for (const nlohmann::json& layer : json["layers"]) {
        result.layers.push_back({golden_polynomial(layer["attention_norm"]), golden_polynomial(layer["attention"]),
                                 golden_polynomial(layer["feed_forward_norm"]),
                                 golden_polynomial(layer["feed_forward"])});
    }
    result.final_norm = golden_polynomial(json["final_norm"]);
    return result;
}

class Builder : public testing::Test {
  protected:
    TransformerPolynomials polynomials_ = golden_polynomials();
    TransformerWeights weights_ = GoldenWeights().weights(polynomials_.layers.size());
};

/// The largest difference from what scripts/golden-model made of the same weights, nothing folded.
double difference_from_unfolded(const Transformer& model, const char* norm) {
    const nlohmann::json expected = golden_json("expected.json");
    const Tensor input = model.embedding.embed(expected["tokens"].get<std::vector<std::int32_t>>());
    const Tensor logits = evaluate(model.graph, input).logits;
    const auto reference = expected["unfolded_logits"][norm].get<std::vector<double>>();
    EXPECT_EQ(logits.values.size(), reference.size());
    double largest = 0;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        largest = larger(largest, std::abs(logits.values[i] - reference[i]) / (1 + std::abs(reference[i])));
    }
    return largest;
}

/// As scripts/golden-model does it: what the other norms let grow stays within the intervals.
TransformerPolynomials widened(TransformerPolynomials polynomials) {
    const auto widen = [](Polynomial& polynomial) {
        polynomial.lower -= 30;
        polynomial.upper += 30;
    };
    for (LayerPolynomials& layer : polynomials.layers) {
        widen(*layer.attention_norm);
        widen(layer.attention);
        widen(*layer.feed_forward_norm);
        widen(layer.feed_forward);
    }
    widen(*polynomials.final_norm);
    return polynomials;
}

/// A BatchNorm's statistics are constants.
TransformerPolynomials without_norms(TransformerPolynomials polynomials) {
    for (LayerPolynomials& layer : polynomials.layers) layer.attention_norm = layer.feed_forward_norm = std::nullopt;
    polynomials.final_norm.reset();
    return polynomials;
}

TEST_F(Builder, GivesTheLogitsOfTheUnfoldedNetwork) {
    EXPECT_LT(difference_from_unfolded(build_transformer(weights_, polynomials_), "layer_norm"), 2e-6);
}

TEST_F(Builder, RmsNormsCentreNothing) {
    weights_.norm = NormKind::rms_norm;
    const Transformer model = build_transformer(weights_, widened(polynomials_));
    EXPECT_EQ(model.embedding.tokens.values, weights_.tokens.values);
    EXPECT_LT(difference_from_unfolded(model, "rms_norm"), 2e-6);
}

TEST_F(Builder, BatchNormsVanishInTheMapsThatReadThem) {
    weights_.norm = NormKind::batch_norm;
    const Transformer model = build_transformer(weights_, without_norms(widened(polynomials_)));
    EXPECT_LT(difference_from_unfolded(model, "batch_norm"), 2e-6);
    for (const Node& node : model.graph.nodes) {
        EXPECT_THAT(node.name, testing::Not(testing::HasSubstr("norm")));
    }
}

TEST_F(Builder, NormsAndPolynomialsMustFit) {
    const auto expect = [&](const TransformerPolynomials& polynomials, const std::vector<std::string>& parts) {
        expect_error<Error>([&] { build_transformer(weights_, polynomials); }, parts);
    };
    TransformerPolynomials some = polynomials_;
    some.layers[1].feed_forward_norm.reset();
    expect(some, {"no polynomial for 'layers.1.feed_forward_norm'", "LayerNorm"});
    weights_.norm = NormKind::rms_norm;
    some = polynomials_;
    some.final_norm.reset();
    expect(some, {"no polynomial for 'final_norm'", "RMSNorm"});
    weights_.norm = NormKind::batch_norm;
    some.layers[0].attention_norm.reset();
    expect(some, {"a polynomial for 'layers.0.feed_forward_norm'", "BatchNorm"});
}

TEST_F(Builder, SaysWhatPolynomialsStandForAndScalesTheScores) {
    weights_.attention_function = "sigmoid";
    weights_.feed_forward_function = "square";
    weights_.score_scale = 0.125;
    const Graph graph = build_transformer(weights_, polynomials_).graph;
    for (const Node& node : graph.nodes) {
        if (node.name.ends_with("attention.activation")) {
            EXPECT_EQ(std::get<Apply>(node.operation).replaces, "sigmoid");
        }
        if (node.name.ends_with("forward.activation")) {
            EXPECT_EQ(std::get<Apply>(node.operation).replaces, "square");
        }
        if (const auto* scores = std::get_if<AttentionScores>(&node.operation)) {
            EXPECT_EQ(scores->scale, 0.125);
        }
    }
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
    expect([](auto& w) { w.layers[1].mask.columns = 4; }, {"the mask is (10, 4)", "(10, 5)"});
    expect([](auto& w) { w.score_scale = 0; }, {"factor on the scores is 0", "score_scale"});
    expect([](auto& w) { w.score_scale = std::nan(""); }, {"factor on the scores is nan"});
    expect([](auto& w) { w.layers.pop_back(); }, {"polynomials for 2 layers, but 1 layers"});
}

}  // namespace
}  // namespace polyformer::model
