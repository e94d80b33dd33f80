#include "polyformer/model/builders/transformer_builder.h"

#include <string_view>

#include "polyformer/model/builders/folding.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

std::string_view name_of(NormKind norm) {
    switch (norm) {
        case NormKind::layer_norm:
            return "LayerNorm";
        case NormKind::rms_norm:
            return "RMSNorm";
        case NormKind::batch_norm:
            return "BatchNorm";
    }
    throw Error("a norm of an unknown kind");
}

/// Appends nodes in order of evaluation.
class Builder {
  public:
    explicit Builder(const TransformerWeights& weights) : weights_(weights) {
        graph_.context = weights.positions.rows;
        graph_.width = weights.tokens.columns;
        graph_.vocabulary = weights.tokens.rows;
    }

    Graph build(const TransformerPolynomials& polynomials) {
        NodeId residual = append("input", Input{});
        for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
            const std::string prefix = fmt::format("layers.{}.", i);
            residual = attention(residual, weights_.layers[i], polynomials.layers[i], prefix);
            residual = feed_forward(residual, weights_.layers[i], polynomials.layers[i], prefix);
        }
        const NodeId normalised = norm(residual, polynomials.final_norm, "final_norm");
        append_linear(normalised, read(weights_.final_norm, weights_.logits, graph_.vocabulary, "logits"), "logits");
        return std::move(graph_);
    }

  private:
    NodeId append(std::string name, Operation operation) {
        return model::append(graph_, std::move(name), std::move(operation));
    }

    NodeId append_linear(NodeId input, LinearWeights weights, std::string name) {
        return model::append_linear(graph_, std::move(name), input, std::move(weights));
    }

    /// (T, C) → (T, C): x · p(mean(x²)), x being centred for a LayerNorm; x itself for a BatchNorm.
    NodeId norm(NodeId x, const std::optional<Polynomial>& inverse_sqrt, const std::string& name) {
        if (weights_.norm == NormKind::batch_norm) {
            require(!inverse_sqrt.has_value(),
                    "there is a polynomial for '{}', but a BatchNorm has constant statistics and takes none", name);
            return x;
        }
        require(inverse_sqrt.has_value(), "there is no polynomial for '{}', but a {} needs one for 1/√v", name,
                name_of(weights_.norm));
        const NodeId square = append(name + ".square", Multiply{x, x});
        const NodeId variance = append(name + ".variance", FeatureMean{square});
        const NodeId scale = append(name + ".inverse_sqrt", Apply{variance, *inverse_sqrt, "inverse_sqrt"});
        return append(name + ".output", Multiply{x, scale});
    }

    NodeId attention(NodeId x, const LayerWeights& layer, const LayerPolynomials& polynomials,
                     const std::string& layer_prefix) {
        const NodeId normalised = norm(x, polynomials.attention_norm, layer_prefix + "attention_norm");
        const std::string prefix = layer_prefix + "attention.";
        const auto project = [&](const LinearWeights& weights, const char* name) {
            return append_linear(normalised, read(layer.attention_norm, weights, graph_.width, prefix + name),
                                 prefix + name);
        };
        const NodeId query = project(layer.query, "query");
        const NodeId key = project(layer.key, "key");
        const NodeId value = project(layer.value, "value");
        const NodeId scores =
            append(prefix + "scores", AttentionScores{query, key, weights_.heads, weights_.score_scale});
        const NodeId activation =
            append(prefix + "activation", Apply{scores, polynomials.attention, weights_.attention_function});
        const NodeId values =
            append(prefix + "values", AttentionValues{activation, value, weights_.heads, true, layer.mask});
        const NodeId output =
            append_linear(values, write(layer.output, graph_.width, prefix + "output"), prefix + "output");
        return append(prefix + "residual", Add{x, output});
    }

    NodeId feed_forward(NodeId x, const LayerWeights& layer, const LayerPolynomials& polynomials,
                        const std::string& layer_prefix) {
        const NodeId normalised = norm(x, polynomials.feed_forward_norm, layer_prefix + "feed_forward_norm");
        const std::string prefix = layer_prefix + "feed_forward.";
        const std::size_t hidden = layer.up.weight.columns;
        const NodeId up =
            append_linear(normalised, read(layer.feed_forward_norm, layer.up, hidden, prefix + "up"), prefix + "up");
        const NodeId activation =
            append(prefix + "activation", Apply{up, polynomials.feed_forward, weights_.feed_forward_function});
        const NodeId down = append_linear(activation, write(layer.down, hidden, prefix + "down"), prefix + "down");
        return append(prefix + "residual", Add{x, down});
    }

    /// A map that reads the normalised residual stream, (width, columns), folded.
    LinearWeights read(const NormWeights& norm_weights, const LinearWeights& linear, std::size_t columns,
                       const std::string& name) const {
        check_norm(norm_weights, graph_.width, name, "before the weight");
        check_linear(linear, graph_.width, columns, name);
        return with_norm_before(norm_weights, linear);
    }

    /// A map that writes the residual stream, (rows, width); before LayerNorms the stream keeps a mean of 0.
    LinearWeights write(const LinearWeights& linear, std::size_t rows, const std::string& name) const {
        check_linear(linear, rows, graph_.width, name);
        return weights_.norm == NormKind::layer_norm ? centred(linear) : linear;
    }

    const TransformerWeights& weights_;
    Graph graph_;
};

}  // namespace

Transformer build_transformer(const TransformerWeights& weights, const TransformerPolynomials& polynomials) {
    const std::size_t width = weights.tokens.columns;
    check_matrix(weights.tokens, weights.tokens.rows, width, "tokens");
    check_matrix(weights.positions, weights.positions.rows, width, "positions");
    require(weights.heads >= 1 && width % weights.heads == 0, "a width of {} does not divide into {} heads", width,
            weights.heads);
    require(polynomials.layers.size() == weights.layers.size(), "there are polynomials for {} layers, but {} layers",
            polynomials.layers.size(), weights.layers.size());
    check_score_scale(weights.score_scale, width / weights.heads);
    const bool centre = weights.norm == NormKind::layer_norm;
    Transformer result{Builder(weights).build(polynomials),
                       {.tokens = centre ? centred(weights.tokens) : weights.tokens,
                        .positions = centre ? centred(weights.positions) : weights.positions}};
    validate(result.graph);
    return result;
}

}  // namespace polyformer::model
