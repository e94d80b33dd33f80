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
#include "polyformer/compile/lowering/feature_gates.h"
#include "polyformer/compile/lowering/output_gates.h"
#include "polyformer/compile/lowering/stored_forms.h"
#include "polyformer/compile/lowering/token_factors.h"
#include "polyformer/model/graph/visit.h"
#include "polyformer/support/error.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::NodeId;

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
          weights_(graph.nodes.size()),
          suited_(graph.nodes.size(), false),
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
        NodeId input = linear.input;
        FeatureMap map = feature_map(linear);
        for (; facts_[input].absorbed; input = model::inputs_of(graph_.nodes[input].operation).front()) {
            map = scaled_before(std::get<model::ScaleFeatures>(graph_.nodes[input].operation), std::move(map));
        }
        const std::optional<TokenFactor>& token = postponed_[input];
        if (facts().by_head && facts().only(Role::shift)) {
            const std::optional<Stored> factor = token ? std::optional(forms_.natural(token->factor)) : std::nullopt;
            const Stored source = forms_.readable(token ? token->features : input);
            return forms_.add(node_, mapped_by_head(builder_, map, source, facts().attention, facts().bound, factor));
        }
        if (token) return lower_with_factor(map, *token);
        lower_map(input, map);
    }

    /// (x · W) · factor + bias.
    void lower_with_factor(const FeatureMap& full, const TokenFactor& token) {
        const Stored factor = forms_.natural(token.factor);
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
        const std::optional<Stored> sums = feature_sums(builder_, facts().packing, forms_.readable(mean.input));
        if (!sums || facts().layout != replicated_layout(facts().packing, 1)) {
            return lower_map(mean.input, mean_map(facts_[mean.input].shape.features));
        }
        for (const Constants& wanted : forms_.wanted(node_)) {
            forms_.add(node_, means_of_sums(builder_, facts().packing, *sums, forms_.target(node_, wanted)));
        }
    }

    void lower(const model::ScaleFeatures& scale) {
        if (facts().absorbed) return;
        if (const std::optional<SameScale> same = same_scale(scale)) {
            for (const Constants& wanted : forms_.wanted(node_)) {
                forms_.add(node_, forms_.renamed(node_, *same, wanted));
            }
            return;
        }
        const Stored source = forms_.laid_out(scale.input);
        for (const Constants& wanted : forms_.wanted(node_)) {
            forms_.add(node_, scaled_features(builder_, scale, source, wanted));
        }
    }

    void lower(const model::Centre& centre) {
        forms_.add(node_, centred_features(builder_, facts().packing, forms_.natural(centre.input)));
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
        const auto reads_postponed = [&](const Use& use) {
            return std::holds_alternative<model::Linear>(graph_.nodes[use.reader].operation);
        };
        if (postponed_[node_] && std::ranges::all_of(facts().uses, reads_postponed)) return;
        if (is_squared_for_attention(product.left)) return lower_squared_weights(product.left);
        const bool left_is_wider = facts_[product.left].shape.features >= facts_[product.right].shape.features;
        const NodeId wide_id = left_is_wider ? product.left : product.right;
        const NodeId other_id = left_is_wider ? product.right : product.left;
        // What attention gives may be stored smaller than over its bound: bringing it there would take a level.
        const bool any_factor = suited_[other_id];
        Stored wide = any_factor ? forms_.laid_out(wide_id) : forms_.natural(wide_id);
        if (wide.storage.shift != 0) wide = forms_.natural(wide_id);
        const Stored other = factor_of(other_id, wide.storage.layout);
        Storage storage = wide.storage;
        storage.factor = wide.storage.factor * other.storage.factor;
        storage.zero_elsewhere = wide.storage.zero_elsewhere || other.storage.zero_elsewhere;
        Stored result = builder_.gate(ProductGate{}, {wide.bundle, other.bundle}, storage);
        const double wanted = 1 / facts().bound;
        if (any_factor && storage.factor < wanted) return forms_.add(node_, result);
        if (std::abs(storage.factor - wanted) > 1e-12 * wanted) {
            result = builder_.affine(
                result, {wanted, 0},
                facts().shape.scores ? score_masks(facts().attention, Lanes::all) : layout_masks(facts().layout));
        }
        produce_natural(result);
        if (suited_[node_]) builder_.circuit.bundles.back().can_bootstrap = false;
    }

    /// Whether all that is made of a polynomial of scores is their square, and of that the weights of attention. A
    /// square keeps small weights exact beside large ones: e^x as (e^(x/2))².
    bool is_squared_for_attention(NodeId id) const {
        const NodeFacts& half = facts_[id];
        if (!half.shape.scores || !std::holds_alternative<model::Apply>(graph_.nodes[id].operation)) return false;
        if (half.is_output || half.uses.size() != 2 || half.uses[0].reader != half.uses[1].reader) return false;
        const NodeId reader = half.uses[0].reader;
        return std::holds_alternative<model::Multiply>(graph_.nodes[reader].operation) &&
               facts_[reader].only(Role::attention);
    }

    /// The roots of the masks ride on the polynomial.
    void lower_squared_weights(NodeId half) {
        const auto& apply = std::get<model::Apply>(graph_.nodes[half].operation);
        const Stored input = forms_.stored(apply.input, chebyshev_variable(apply.polynomial));
        facts_[node_].bound = graph_.nodes[node_].bound;
        for (const Use& use : facts().uses) {
            const WeighedKeys keys = keys_of(use.reader);
            if (find_weights(node_, keys)) continue;
            PolynomialGate gate = polynomial_gate(apply, {std::sqrt(0.5 / facts().bound), 0});
            gate.masks = attention_masks(facts().attention, facts().shape.tokens, keys.causal, *keys.weights);
            for (ScoreMask& mask : gate.masks) mask.root = true;
            const Storage storage = weights_storage(node_, keys, input.storage);
            const Stored root = builder_.unbounded_gate(std::move(gate), {input.bundle}, storage);
            weights_[node_].push_back(
                {keys, builder_.unbounded_gate(ProductGate{}, {root.bundle, root.bundle}, storage)});
        }
    }

    /// A factor of what lies in this layout, each of its features for several of those.
    Stored factor_of(NodeId id, const Layout& layout) {
        if (facts_[id].shape.scores || facts_[id].shape.features == layout.features) return forms_.natural(id);
        const Layout wanted = shared_by_features(layout, layout.features / facts_[id].shape.features);
        return covers(facts_[id].layout, wanted) ? forms_.natural(id) : forms_.in_layout(id, wanted);
    }

    void lower(const model::Apply& apply) {
        if (is_squared_for_attention(node_)) return;  // made with its square
        const Stored input = forms_.stored(apply.input, chebyshev_variable(apply.polynomial));
        if (facts().only(Role::attention)) {
            // The mask rides on the polynomial: once for each of the masks that there are.
            for (const Use& use : facts().uses) {
                const WeighedKeys keys = keys_of(use.reader);
                if (find_weights(node_, keys)) continue;
                PolynomialGate gate = polynomial_gate(apply, {0.5 / facts().bound, 0});
                add_weights(node_, keys, input, std::move(gate));
            }
            return;
        }
        const bool inverse = suits_product();
        const auto wanted = forms_.wanted(node_);
        const Constants constants = wanted.size() == 1 ? wanted.front() : Constants{1 / facts().bound, 0};
        Storage storage = input.storage;
        storage.factor = constants.factor;
        storage.shift = constants.shift;
        storage.zero_elsewhere = false;
        forms_.add(node_, builder_.gate(polynomial_gate(apply, constants), {input.bundle}, storage));
        if (inverse) builder_.circuit.bundles.back().can_bootstrap = false;
    }

    /// An inverse of sums for each head, and the values that it multiplies, have far larger bounds than their product:
    /// stored over these, the product would be lost in rounding. The inverse, which nothing else reads, takes the
    /// constants that bring the product to its own bound, and may leave [-1, 1]. Whether that was done.
    bool suits_product() {
        const auto alone = [&](NodeId id) {
            return facts_[id].by_head && !facts_[id].is_output && facts_[id].uses.size() == 1;
        };
        if (!alone(node_)) return false;
        NodeId factor = node_;
        double other_bound = 1;  // of what an inverse in two parts has besides
        if (facts().uses.front().role == Role::elementwise) {
            const NodeId reader = facts().uses.front().reader;
            const auto* parts = std::get_if<model::Multiply>(&graph_.nodes[reader].operation);
            if (parts == nullptr || !alone(reader)) return false;
            const NodeId other = parts->left == node_ ? parts->right : parts->left;
            if (other >= node_) return false;  // the last part makes up for all
            other_bound = facts_[other].bound;
            factor = reader;
        }
        const Use& use = facts_[factor].uses.front();
        if (use.role != Role::factor || !facts_[use.reader].only(Role::linear)) return false;
        const auto& product = std::get<model::Multiply>(graph_.nodes[use.reader].operation);
        const NodeId values = product.left == factor ? product.right : product.left;
        for (const Stored& form : forms_.all(values)) {
            if (form.storage.layout != facts_[values].layout || form.storage.shift != 0) continue;
            const double bound = graph_.nodes[use.reader].bound;
            facts_[node_].bound = form.storage.factor * bound / other_bound;
            facts_[factor].bound = form.storage.factor * bound;
            facts_[use.reader].bound = bound;
            suited_[factor] = true;
            return true;
        }
        return false;
    }

    static PolynomialGate polynomial_gate(const model::Apply& apply, const Constants& constants) {
        PolynomialGate gate;
        gate.coefficients = apply.polynomial.coefficients;
        for (double& coefficient : gate.coefficients) coefficient *= constants.factor;
        gate.coefficients[0] += constants.shift;
        while (gate.coefficients.size() > 1 && gate.coefficients.back() == 0) gate.coefficients.pop_back();
        if (apply.polynomial.lower > 0 && apply.polynomial.upper > 2 * apply.polynomial.lower) {
            const double ratio = apply.polynomial.upper / apply.polynomial.lower;
            if (apply.replaces == "reciprocal") gate.inverse = Inverse{1, ratio};
            if (apply.replaces == "inverse_sqrt") gate.inverse = Inverse{0.5, ratio};
        }
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
        if (of.shape.tokens < rows || model::takes_shorter_inputs(graph_)) {
            // Rows beyond the last token hold something too.
            total = static_cast<double>(of.shape.tokens);
            const double factor = source.storage.factor / total;
            const double shift = source.storage.shift / total;
            source =
                builder_.affine(source, {factor, shift}, row_masks(of.packing, source.storage.layout, of.shape.tokens));
            std::get<AffineGate>(builder_.circuit.gates.back().operation).averages = true;
        }
        Storage storage = source.storage;
        storage.factor *= total;
        storage.shift *= total;
        storage.equal_rows = true;
        const SumSlotsGate sum{rows, static_cast<long>(of.packing.row()), false};
        forms_.add(node_, builder_.unbounded_gate(sum, {source.bundle}, storage));
    }

    void lower(const model::SelectToken& select) {
        const NodeFacts& of = facts_[select.input];
        const Stored source = forms_.readable(select.input);
        if (of.equal_rows || of.packing.tokens == 1) return forms_.add(node_, source);
        Storage storage = source.storage;
        storage.equal_rows = true;
        forms_.add(node_, builder_.gate(SelectTokenGate{select.token}, {source.bundle}, storage));
        builder_.circuit.bundles.back().can_bootstrap = builder_.circuit.bundles[source.bundle].can_bootstrap;
    }

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
        forms_.add_raw_scores(node_, {raw, &scores.bias});
    }

    void lower(const model::ShiftScores& shift) {
        const AttentionLayout& heads = facts().attention;
        if (const auto& raw = forms_.raw_scores(shift.scores)) {
            const Stored by = forms_.in_layout(shift.shift, heads.by_head());
            return forms_.add_raw_scores(node_, {shifted_scores(builder_, heads, raw->stored, by), raw->bias});
        }
        const Stored by = forms_.in_layout(shift.shift, heads.by_head_in_all_lanes());
        forms_.add(node_, shifted_parts(builder_, heads, forms_.natural(shift.scores), by));
    }

    /// The keys that attention reads, and what they weigh besides.
    struct WeighedKeys {
        bool causal = true;
        const model::Matrix* weights = nullptr;
    };
    /// Of a node of scores: what is left of it under a mask.
    struct Weights {
        WeighedKeys keys;
        Stored stored;  ///< as attention reads it (attention_gates.h)
    };

    WeighedKeys keys_of(NodeId reader) const {
        if (const auto* sums = std::get_if<model::AttentionSums>(&graph_.nodes[reader].operation)) {
            return {sums->causal, &sums->mask};
        }
        const auto& values = std::get<model::AttentionValues>(graph_.nodes[reader].operation);
        return {values.causal, &values.mask};
    }

    std::optional<Stored> find_weights(NodeId scores, const WeighedKeys& keys) const {
        for (const Weights& found : weights_[scores]) {
            if (found.keys.causal == keys.causal && found.keys.weights->values == keys.weights->values) {
                return found.stored;
            }
        }
        return std::nullopt;
    }

    /// gate(input) under the mask; the gate's constants are those of half of what lies in its lanes.
    Stored add_weights(NodeId scores, const WeighedKeys& keys, const Stored& input, PolynomialGate gate) {
        gate.masks = attention_masks(facts_[scores].attention, facts_[scores].shape.tokens, keys.causal, *keys.weights);
        const Stored weights =
            builder_.unbounded_gate(std::move(gate), {input.bundle}, weights_storage(scores, keys, input.storage));
        weights_[scores].push_back({keys, weights});
        return weights;
    }

    Storage weights_storage(NodeId scores, const WeighedKeys& keys, Storage storage) const {
        storage.factor = 1 / (facts_[scores].bound * largest_weight(*keys.weights));
        storage.shift = 0;
        storage.zero_elsewhere = true;
        return storage;
    }

    Stored weights_for(NodeId scores, const WeighedKeys& keys) {
        if (const std::optional<Stored> found = find_weights(scores, keys)) return *found;
        return add_weights(scores, keys, forms_.natural(scores), PolynomialGate{{0, 0.5}, {}});
    }

    void lower(const model::AttentionSums& sums) {
        const Stored weights = weights_for(sums.scores, keys_of(node_));
        const Stored total = summed_weights(builder_, facts_[sums.scores].attention, weights);
        const Layout& layout = total.storage.layout;
        // Rows beyond windows attend to nothing: a sum of 0 may lie outside of what is done with sums.
        const bool rows_left =
            facts_[sums.scores].attention.window != 0 && facts().shape.tokens < facts().packing.tokens;
        for (const Constants& wanted : forms_.wanted(node_)) {
            forms_.add(node_, builder_.affine(total, wanted,
                                              rows_left ? row_masks(facts().packing, layout, facts().shape.tokens)
                                                        : layout_masks(layout)));
        }
    }

    void lower(const model::AttentionValues& values) {
        const AttentionLayout heads =
            with_head_width(facts_[values.scores].attention, facts().shape.features / values.heads);
        const Stored weights = weights_for(values.scores, keys_of(node_));
        const Stored value = forms_.value_of(values.value, heads);
        const double unscaled = weights.storage.factor * value.storage.factor;
        const double shrink = std::min(1.0, 1 / (unscaled * facts().bound));
        Stored result = attended_values(builder_, heads, weights, value, shrink);
        result.storage.equal_rows = facts().equal_rows;
        // Before the inverse of their sums, values of most tokens are far smaller than the greatest: what a bootstrap
        // adds would be large beside them.
        if (normalised_later()) builder_.circuit.bundles[result.bundle].can_bootstrap = false;
        forms_.add(node_, result);
    }

    /// Whether the node being lowered is multiplied by a number for each head.
    bool normalised_later() const {
        return std::ranges::any_of(facts().uses, [&](const Use& use) {
            const std::vector<NodeId> operands = model::inputs_of(graph_.nodes[use.reader].operation);
            return std::holds_alternative<model::Multiply>(graph_.nodes[use.reader].operation) &&
                   std::ranges::any_of(operands, [&](NodeId id) { return id != node_ && facts_[id].by_head; });
        });
    }

    const Graph& graph_;
    Positions positions_;
    CircuitBuilder builder_;
    std::vector<NodeFacts> facts_;
    StoredForms forms_;
    std::vector<std::vector<Weights>> weights_;  ///< by node of scores
    std::vector<bool> suited_;  ///< by node; factors stored so that the product comes out over its own bound
    std::vector<std::optional<TokenFactor>> postponed_;  ///< by node; products that the maps behind them make up for
    NodeId node_ = 0;                                    ///< being lowered
    bool finished_ = false;                              ///< the output is recorded
};

}  // namespace

Circuit lower(const Graph& graph, const Packing& packing, Positions positions, TokenFactors factors) {
    return Lowering(graph, packing, positions, factors).run();
}

}  // namespace polyformer::compile
