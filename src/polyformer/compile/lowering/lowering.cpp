#include "polyformer/compile/lowering/lowering.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/circuit/linear_maps.h"
#include "polyformer/compile/circuit/token_maps.h"
#include "polyformer/compile/lowering/analysis.h"
#include "polyformer/compile/lowering/attention_gates.h"
#include "polyformer/compile/lowering/output_gates.h"
#include "polyformer/compile/lowering/stored_forms.h"
#include "polyformer/compile/lowering/token_factors.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::NodeId;

FeatureMap feature_map(const model::Linear& linear) {
    const model::Matrix& weight = linear.weight;
    return {
        weight.rows, weight.columns,
        [&weight](std::size_t i, std::size_t j) { return static_cast<double>(weight.values[i * weight.columns + j]); },
        [&linear](std::size_t j) { return linear.bias.empty() ? 0.0 : static_cast<double>(linear.bias[j]); }};
}

FeatureMap mean_map(std::size_t features) {
    return {features, 1, [features](std::size_t, std::size_t) { return 1 / static_cast<double>(features); },
            [](std::size_t) { return 0.0; }};
}

double largest_value(const model::Matrix& matrix) {
    double largest = 0;
    for (const float value : matrix.values) largest = std::max(largest, std::abs(static_cast<double>(value)));
    return largest;
}

class Lowering {
  public:
    Lowering(const Graph& graph, const Packing& packing, Positions positions, TokenFactors factors)
        : graph_(graph),
          positions_(positions),
          facts_(analyse(graph, packing)),
          forms_(graph, facts_, builder_),
          masked_scores_(graph.nodes.size()),
          postponed_(postponed_products(graph, facts_, factors)) {}

    Circuit run() {
        for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
            node_ = id;
            builder_.begin_node(graph_.nodes[id].name);
            std::visit([&](const auto& operation) { lower(operation); }, graph_.nodes[id].operation);
        }
        if (!finished_) finish(forms_.natural(node_));
        return std::move(builder_.circuit);
    }

  private:
    const NodeFacts& facts() const { return facts_[node_]; }

    bool gives_one_row() const { return positions_ == Positions::last || has_one_row(facts(), graph_); }

    void finish(const Stored& logits) {
        if (gives_one_row()) {
            give_row(builder_, logits, facts(), graph_);
        } else {
            give_all_rows(builder_, logits, facts(), graph_);
        }
    }

    // Linear maps and means over features.

    void lower(const model::Input&) {
        const Storage storage{.layout = facts().layout, .factor = 1 / facts().bound, .zero_elsewhere = true};
        builder_.circuit.input = builder_.new_bundle(storage.layout.ciphertexts());
        builder_.circuit.input_layout = facts().layout;
        builder_.circuit.input_bound = facts().bound;
        forms_.add(node_, {builder_.circuit.input, storage});
    }

    void lower(const model::Linear& linear) {
        if (postponed_[linear.input]) return lower_with_factor(linear, *postponed_[linear.input]);
        lower_map(linear.input, feature_map(linear));
    }

    /// (x · W) · factor + bias.
    void lower_with_factor(const model::Linear& linear, const TokenFactor& token) {
        const Stored factor = forms_.natural(token.factor);
        const FeatureMap full = feature_map(linear);
        const FeatureMap weights{full.inputs, full.outputs, full.weight, [](std::size_t) { return 0.0; }};
        for (const Constants& wanted : forms_.wanted(node_)) {
            const Stored product = builder_.map(weights, forms_.readable(token.features),
                                                forms_.target(node_, {wanted.factor / factor.storage.factor, 0}));
            builder_.circuit.bundles[product.bundle].can_bootstrap = false;
            Storage storage = forms_.target(node_, {wanted.factor, 0});
            storage.zero_elsewhere = true;
            const Stored scaled = builder_.gate(ProductGate{}, {product.bundle, factor.bundle}, storage);
            Stored result = builder_.shifted(
                scaled, [&](std::size_t feature) { return wanted.factor * full.bias(feature) + wanted.shift; });
            result.storage.shift = wanted.shift;
            forms_.add(node_, result);
        }
    }

    void lower(const model::FeatureMean& mean) {
        const Stored source = forms_.readable(mean.input);
        const Packing& packing = facts().packing;
        const std::size_t features = facts_[mean.input].shape.features;
        const std::size_t period = std::min(packing.features, std::bit_ceil(features));
        const bool sums = features > 1 && source.storage.layout == replicated_layout(packing, features) &&
                          facts().layout == replicated_layout(packing, 1) && source.storage.zero_elsewhere &&
                          source.storage.shift == 0;
        if (!sums) return lower_map(mean.input, mean_map(features));
        const Stored total =
            builder_.unbounded_gate(SumSlotsGate{period, 1, true}, {source.bundle}, source.storage, std::size_t{1});
        for (const Constants& wanted : forms_.wanted(node_)) {
            const double gain = wanted.factor / source.storage.factor;
            Stored result = builder_.gate(mean_of_sums(packing, features, period, gain, wanted.shift), {total.bundle},
                                          forms_.target(node_, wanted));
            if (period == packing.features) result = builder_.repetition(result, {period, 1});
            forms_.add(node_, result);
        }
    }

    void lower_map(NodeId input, const FeatureMap& map) {
        if (facts().is_output && gives_one_row()) {
            give_row_of_map(builder_, map, forms_.readable(input), facts(), graph_);
            finished_ = true;
            return;
        }
        for (const Constants& wanted : forms_.wanted(node_)) {
            forms_.add(node_, builder_.map(map, forms_.readable(input), forms_.target(node_, wanted)));
        }
    }

    // Sums, products and polynomials.

    void lower(const model::Add& add) {
        const bool scales_right = facts_[add.right].bound < facts().bound;
        const Stored scaled = forms_.natural(scales_right ? add.right : add.left);
        const Stored other = forms_.natural(scales_right ? add.left : add.right);
        Storage storage = other.storage;
        storage.zero_elsewhere = scaled.storage.zero_elsewhere && other.storage.zero_elsewhere;
        produce_natural(builder_.gate(SumGate{other.storage.factor / scaled.storage.factor},
                                      {scaled.bundle, other.bundle}, storage));
    }

    void lower(const model::Multiply& product) {
        if (postponed_[node_]) return;
        const Stored left = forms_.natural(product.left);
        const Stored right = forms_.natural(product.right);
        const bool left_is_wider = left.storage.layout.ciphertexts() >= right.storage.layout.ciphertexts() &&
                                   facts_[product.left].shape.features >= facts_[product.right].shape.features;
        Storage storage = (left_is_wider ? left : right).storage;
        storage.factor = left.storage.factor * right.storage.factor;
        storage.zero_elsewhere = left.storage.zero_elsewhere || right.storage.zero_elsewhere;
        Stored result = builder_.gate(ProductGate{}, {left.bundle, right.bundle}, storage);
        const double wanted = 1 / facts().bound;
        if (std::abs(storage.factor - wanted) > 1e-12 * wanted) {
            result = builder_.affine(
                result, {wanted, 0},
                facts().shape.scores ? score_masks(facts().attention, Lanes::all) : layout_masks(facts().layout));
        }
        produce_natural(result);
    }

    void lower(const model::Apply& apply) {
        const Stored input = forms_.stored(apply.input, chebyshev_variable(apply.polynomial));
        if (facts().only(Role::attention) && facts().uses.size() == 1) {
            const auto& reader = std::get<model::AttentionValues>(graph_.nodes[facts().uses.front().reader].operation);
            // One mask for each half of the lanes: both results share the attention's next product as they are.
            const auto half = [&](Lanes lanes) {
                PolynomialGate gate = polynomial_gate(apply, {1 / facts().bound, 0});
                gate.masks = attention_masks(facts().attention, lanes, reader);
                return builder_.gate(std::move(gate), {input.bundle}, masked_storage(input.storage, reader));
            };
            masked_scores_[node_] = {half(Lanes::lower), half(Lanes::upper)};
            return;
        }
        const auto wanted = forms_.wanted(node_);
        const Constants constants = wanted.size() == 1 ? wanted.front() : Constants{1 / facts().bound, 0};
        Storage storage = input.storage;
        storage.factor = constants.factor;
        storage.shift = constants.shift;
        storage.zero_elsewhere = false;
        forms_.add(node_, builder_.gate(polynomial_gate(apply, constants), {input.bundle}, storage));
    }

    static PolynomialGate polynomial_gate(const model::Apply& apply, const Constants& constants) {
        PolynomialGate gate;
        gate.coefficients = apply.polynomial.coefficients;
        for (double& coefficient : gate.coefficients) coefficient *= constants.factor;
        gate.coefficients[0] += constants.shift;
        while (gate.coefficients.size() > 1 && gate.coefficients.back() == 0) gate.coefficients.pop_back();
        return gate;
    }

    void produce_natural(Stored result) {
        result.storage.factor = 1 / facts().bound;
        forms_.add(node_, result);
    }

    // Tokens.

    void lower(const model::AddConstant& sum) {
        const Stored source = forms_.natural(sum.input);
        CombineGate gate;
        for (std::size_t c = 0; c < source.storage.layout.ciphertexts(); ++c) {
            gate.outputs.push_back({{.ciphertext = c}});
        }
        gate.addends = constants_by_token(facts().packing, source.storage.layout, sum.values, source.storage.factor);
        forms_.add(node_, builder_.gate(std::move(gate), {source.bundle}, source.storage));
    }

    void lower(const model::MixTokens& mix) {
        const Stored source = forms_.laid_out(mix.input);
        for (const Constants& wanted : forms_.wanted(node_)) {
            Storage target = forms_.target(node_, wanted);
            target.zero_elsewhere = true;
            MapGate gate = mixed_tokens(facts().packing, mix, source.storage, target);
            forms_.add(node_, builder_.gate(std::move(gate), {source.bundle}, target));
        }
    }

    /// Nothing happens but that the same slots are read another way.
    void lower(const model::MergeTokens& merge) {
        for (Stored form : forms_.all(merge.input)) {
            form.storage.layout = merged(form.storage.layout, merge.group);
            forms_.add(node_, form);
        }
    }

    void lower(const model::TokenMean& mean) {
        const NodeFacts& of = facts_[mean.input];
        Stored source = forms_.readable(mean.input);
        if (of.equal_rows || of.packing.tokens == 1) return forms_.add(node_, source);
        const std::size_t rows = of.packing.tokens;
        auto total = static_cast<double>(rows);
        if (of.shape.tokens < rows) {
            // Rows beyond the last token hold something too.
            total = static_cast<double>(of.shape.tokens);
            const double factor = source.storage.factor / total;
            const double shift = source.storage.shift / total;
            source =
                builder_.affine(source, {factor, shift}, row_masks(of.packing, source.storage.layout, of.shape.tokens));
        }
        Storage storage = source.storage;
        storage.factor *= total;
        storage.shift *= total;
        storage.equal_rows = true;
        const SumSlotsGate sum{rows, static_cast<long>(of.packing.row()), false};
        forms_.add(node_, builder_.unbounded_gate(sum, {source.bundle}, storage));
    }

    void lower(const auto&) { fail("'{}': plans cannot hold this operation yet", graph_.nodes[node_].name); }

    // Attention.

    void lower(const model::AttentionScores& scores) {
        require(scores.scale != 0, "'{}' scales scores by 0: give the attention a scale, or leave it out",
                graph_.nodes[node_].name);
        const AttentionLayout heads =
            with_head_width(facts().attention, facts_[scores.query].shape.features / scores.heads);
        const Stored query = forms_.in_layout(scores.query, heads.query());
        const Stored key = forms_.in_layout(scores.key, heads.key());
        // Raw scores stay within [-1, 1] too: what would exceed it is scaled down with the keys.
        const double unscaled = query.storage.factor * key.storage.factor / scores.scale;
        const double bound = facts().bound + largest_value(scores.bias);
        const double shrink = std::min(1.0, std::abs(1 / (unscaled * bound)));
        Stored raw = raw_scores(builder_, heads, query, key, shrink);
        raw.storage.factor = unscaled * shrink;
        forms_.add_raw_scores(node_, raw);
    }

    void lower(const model::AttentionValues& values) {
        const AttentionLayout heads =
            with_head_width(facts_[values.scores].attention, facts().shape.features / values.heads);
        const MaskedScores scores = masked_scores(values);
        const Stored value = forms_.value_of(values.value, heads);
        const double unscaled = scores.lower.storage.factor * value.storage.factor;
        const double shrink = std::min(1.0, 1 / (unscaled * facts().bound));
        Stored result = attended_values(builder_, heads, scores, value, shrink);
        result.storage.equal_rows = facts().equal_rows;
        forms_.add(node_, result);
    }

    MaskedScores masked_scores(const model::AttentionValues& values) {
        if (masked_scores_[values.scores]) return *masked_scores_[values.scores];
        const Stored source = forms_.natural(values.scores);
        const auto half = [&](Lanes lanes) {
            const Constants constants{1 / facts_[values.scores].bound, 0};
            Stored result =
                builder_.affine(source, constants, attention_masks(facts_[values.scores].attention, lanes, values));
            result.storage = masked_storage(source.storage, values);
            return result;
        };
        return {half(Lanes::lower), half(Lanes::upper)};
    }

    Storage masked_storage(Storage storage, const model::AttentionValues& values) const {
        storage.factor = 1 / (facts_[values.scores].bound * largest_mask(values));
        storage.shift = 0;
        storage.zero_elsewhere = true;
        return storage;
    }

    const Graph& graph_;
    Positions positions_;
    CircuitBuilder builder_;
    std::vector<NodeFacts> facts_;
    StoredForms forms_;
    std::vector<std::optional<MaskedScores>> masked_scores_;  ///< by node; where the mask rode on the polynomial
    std::vector<std::optional<TokenFactor>> postponed_;  ///< by node; products that the maps behind them make up for
    NodeId node_ = 0;                                    ///< being lowered
    bool finished_ = false;                              ///< the output is recorded
};

}  // namespace

Circuit lower(const Graph& graph, const Packing& packing, Positions positions, TokenFactors factors) {
    return Lowering(graph, packing, positions, factors).run();
}

}  // namespace polyformer::compile
