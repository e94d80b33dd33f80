#include "compile/lowering.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>

#include "compile/analysis.h"
#include "compile/attention_gates.h"
#include "compile/circuit_builder.h"
#include "compile/linear_maps.h"
#include "model/visit.h"
#include "support/error.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::Node;
using model::NodeId;
using model::Overloaded;

/// u = (2x − lower − upper) / (upper − lower).
Constants chebyshev_variable(const model::Polynomial& polynomial) {
    const double length = polynomial.upper - polynomial.lower;
    return {2 / length, -(polynomial.lower + polynomial.upper) / length};
}

FeatureMap identity_map(std::size_t features) {
    return {features, features, [](std::size_t i, std::size_t j) { return i == j ? 1.0 : 0.0; },
            [](std::size_t) { return 0.0; }};
}

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

class Lowering {
  public:
    Lowering(const Graph& graph, const Packing& packing, Positions positions, TokenFactors factors)
        : graph_(graph),
          packing_(packing),
          positions_(positions),
          builder_(packing),
          facts_(analyse(graph, packing)),
          forms_(graph.nodes.size()),
          raw_scores_(graph.nodes.size()),
          masked_scores_(graph.nodes.size()),
          postponed_(graph.nodes.size()) {
        for (NodeId id = 0; id < graph.nodes.size(); ++id) postponed_[id] = postpones(id, factors);
    }

    Circuit run() {
        for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
            node_ = id;
            builder_.begin_node(graph_.nodes[id].name);
            std::visit([&](const auto& operation) { lower(operation); }, graph_.nodes[id].operation);
        }
        return std::move(builder_.circuit);
    }

  private:
    // Producing nodes.

    void lower(const model::Input&) {
        const NodeFacts& facts = facts_[node_];
        const Storage storage{.layout = facts.layout, .factor = 1 / facts.bound, .zero_elsewhere = true};
        builder_.circuit.input = builder_.new_bundle(storage.layout.ciphertexts());
        builder_.circuit.input_layout = facts.layout;
        builder_.circuit.input_bound = facts.bound;
        forms_[node_].push_back({builder_.circuit.input, storage});
        if (facts.is_output) finish();
    }

    void lower(const model::Linear& linear) {
        if (postponed_[linear.input]) return lower_with_factor(linear, *postponed_[linear.input]);
        lower_map(linear.input, feature_map(linear));
    }

    /// features · factor, factor one feature a token.
    struct TokenFactor {
        NodeId features = 0;
        NodeId factor = 0;
    };

    /// A product with a token's factor that linear maps alone read, and, unless all are meant, some for attention.
    std::optional<TokenFactor> postpones(NodeId id, TokenFactors factors) const {
        const auto* product = std::get_if<model::Multiply>(&graph_.nodes[id].operation);
        if (product == nullptr || factors == TokenFactors::before_maps || !facts_[id].only(Role::linear)) return {};
        const auto features_of = [&](NodeId node) { return facts_[node].shape.features; };
        TokenFactor result{product->left, product->right};
        if (features_of(result.features) < features_of(result.factor)) std::swap(result.features, result.factor);
        if (features_of(result.factor) != 1 || features_of(result.features) == 1) return {};
        bool attends = false;
        for (const Use& use : facts_[id].uses) {
            if (!std::holds_alternative<model::Linear>(graph_.nodes[use.reader].operation)) return {};
            if (facts_[use.reader].is_output) return {};
            for (const Use& next : facts_[use.reader].uses) attends = attends || next.role == Role::query;
        }
        return attends || factors == TokenFactors::behind_all_maps ? std::optional(result) : std::nullopt;
    }

    /// (x · W) · factor + bias.
    void lower_with_factor(const model::Linear& linear, const TokenFactor& token) {
        const Stored factor = natural(token.factor);
        const FeatureMap full = feature_map(linear);
        const FeatureMap weights{full.inputs, full.outputs, full.weight, [](std::size_t) { return 0.0; }};
        const Layout& layout = facts_[node_].layout;
        for (const Constants& wanted : wanted_constants()) {
            const Stored product = builder_.map(weights, readable(token.features),
                                                target(layout, {wanted.factor / factor.storage.factor, 0}));
            builder_.circuit.bundles[product.bundle].can_bootstrap = false;
            const Storage storage{.layout = layout, .factor = wanted.factor, .zero_elsewhere = true};
            const Stored scaled = builder_.gate(ProductGate{}, {product.bundle, factor.bundle}, storage);
            forms_[node_].push_back(builder_.shifted(
                scaled, [&](std::size_t feature) { return wanted.factor * full.bias(feature) + wanted.shift; }));
            forms_[node_].back().storage.shift = wanted.shift;
        }
    }

    void lower(const model::FeatureMean& mean) {
        const Stored source = readable(mean.input);
        const std::size_t features = facts_[mean.input].shape.features;
        const std::size_t period = std::min(packing_.features, std::bit_ceil(features));
        const bool sums = features > 1 && source.storage.layout == replicated_layout(packing_, features) &&
                          facts_[node_].layout == replicated_layout(packing_, 1) && source.storage.zero_elsewhere &&
                          source.storage.shift == 0;
        if (!sums) return lower_map(mean.input, mean_map(features));
        const Stored total =
            builder_.unbounded_gate(SumSlotsGate{period, 1, true}, {source.bundle}, source.storage, std::size_t{1});
        for (const Constants& wanted : wanted_constants()) {
            const double gain = wanted.factor / source.storage.factor;
            Stored result = builder_.gate(mean_of_sums(packing_, features, period, gain, wanted.shift), {total.bundle},
                                          target(facts_[node_].layout, wanted));
            if (period == packing_.features) result = builder_.repetition(result, {period, 1});
            forms_[node_].push_back(result);
        }
        if (facts_[node_].is_output) finish();
    }

    void lower_map(NodeId input, const FeatureMap& map) {
        const NodeFacts& facts = facts_[node_];
        if (facts.is_output && positions_ == Positions::last) return finish_with_map(input, map);
        for (const Constants& wanted : wanted_constants()) {
            forms_[node_].push_back(builder_.map(map, readable(input), target(facts.layout, wanted)));
        }
        if (facts.is_output) finish();
    }

    void lower(const model::Add& add) {
        const bool scales_right = facts_[add.right].bound < facts_[node_].bound;
        const Stored scaled = natural(scales_right ? add.right : add.left);
        const Stored other = natural(scales_right ? add.left : add.right);
        Storage storage = other.storage;
        storage.zero_elsewhere = scaled.storage.zero_elsewhere && other.storage.zero_elsewhere;
        produce_natural(builder_.gate(SumGate{other.storage.factor / scaled.storage.factor},
                                      {scaled.bundle, other.bundle}, storage));
    }

    void lower(const model::Multiply& product) {
        if (postponed_[node_]) return;
        const Stored left = natural(product.left);
        const Stored right = natural(product.right);
        const bool left_is_wider = left.storage.layout.ciphertexts() >= right.storage.layout.ciphertexts() &&
                                   facts_[product.left].shape.features >= facts_[product.right].shape.features;
        Storage storage = (left_is_wider ? left : right).storage;
        storage.factor = left.storage.factor * right.storage.factor;
        storage.zero_elsewhere = left.storage.zero_elsewhere || right.storage.zero_elsewhere;
        Stored result = builder_.gate(ProductGate{}, {left.bundle, right.bundle}, storage);
        const double wanted = 1 / facts_[node_].bound;
        if (std::abs(storage.factor - wanted) > 1e-12 * wanted)
            result = builder_.affine(result, {wanted, 0}, wide_masks());
        produce_natural(result);
    }

    void lower(const model::Apply& apply) {
        const Stored input = stored(apply.input, chebyshev_variable(apply.polynomial));
        const NodeFacts& facts = facts_[node_];
        if (facts.only(Role::attention) && facts.uses.size() == 1) {
            const model::AttentionValues& reader = attention_values(facts.uses.front().reader);
            // One mask for each half of the lanes: both results share the attention's next product as they are.
            const auto half = [&](Lanes lanes) {
                PolynomialGate gate = polynomial_gate(apply, {1 / facts.bound, 0});
                gate.masks = attention_masks(packing_, facts.attention, lanes, reader);
                return builder_.gate(std::move(gate), {input.bundle}, masked_storage(input.storage, reader));
            };
            masked_scores_[node_] = {half(Lanes::lower), half(Lanes::upper)};
            return;
        }
        const auto wanted = wanted_constants();
        const Constants constants = wanted.size() == 1 ? wanted.front() : Constants{1 / facts.bound, 0};
        Storage storage = input.storage;
        storage.factor = constants.factor;
        storage.shift = constants.shift;
        storage.zero_elsewhere = false;
        forms_[node_].push_back(builder_.gate(polynomial_gate(apply, constants), {input.bundle}, storage));
        if (facts.is_output) finish();
    }

    static PolynomialGate polynomial_gate(const model::Apply& apply, const Constants& constants) {
        PolynomialGate gate;
        gate.coefficients = apply.polynomial.coefficients;
        for (double& coefficient : gate.coefficients) coefficient *= constants.factor;
        gate.coefficients[0] += constants.shift;
        while (gate.coefficients.size() > 1 && gate.coefficients.back() == 0) gate.coefficients.pop_back();
        return gate;
    }

    template <class Operation>
    void lower(const Operation&) {
        fail("'{}': an operation of image models, which are not compiled yet", graph_.nodes[node_].name);
    }

    void lower(const model::AttentionScores& scores) {
        const NodeFacts& facts = facts_[node_];
        require(facts.shape.window == graph_.context && scores.bias.values.empty(),
                "'{}': attention within windows or with a bias, which is not compiled yet", graph_.nodes[node_].name);
        require(scores.scale != 0, "'{}' scales scores by 0: give the attention a scale, or leave it out",
                graph_.nodes[node_].name);
        const AttentionLayout heads =
            with_head_width(facts.attention, facts_[scores.query].shape.features / scores.heads);
        const Stored query = in_layout(scores.query, heads.query());
        const Stored key = in_layout(scores.key, heads.key());
        // Raw scores stay within [-1, 1] too: what would exceed it is scaled down with the keys.
        const double unscaled = query.storage.factor * key.storage.factor / scores.scale;
        const double shrink = std::min(1.0, std::abs(1 / (unscaled * facts.bound)));
        raw_scores_[node_] = raw_scores(builder_, packing_, heads, query, key, shrink);
        raw_scores_[node_]->storage.factor = unscaled * shrink;
    }

    void lower(const model::AttentionValues& values) {
        const NodeFacts& facts = facts_[node_];
        const AttentionLayout heads =
            with_head_width(facts_[values.scores].attention, facts.shape.features / values.heads);
        const MaskedScores scores = masked_scores(values);
        const Stored value = value_of(values.value, heads);
        const double unscaled = scores.lower.storage.factor * value.storage.factor;
        const double shrink = std::min(1.0, 1 / (unscaled * facts.bound));
        forms_[node_].push_back(attended_values(builder_, packing_, heads, scores, value, shrink));
        if (!values.causal) builder_.circuit.least_rows = graph_.context;
        if (facts.is_output) finish();
    }

    MaskedScores masked_scores(const model::AttentionValues& values) {
        if (masked_scores_[values.scores]) return *masked_scores_[values.scores];
        const Stored source = natural(values.scores);
        const auto half = [&](Lanes lanes) {
            const Constants constants{1 / facts_[values.scores].bound, 0};
            Stored result = builder_.affine(source, constants,
                                            attention_masks(packing_, facts_[values.scores].attention, lanes, values));
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

    // Reading nodes.

    /// Any form: for linear maps, which absorb constants and partial sums.
    Stored readable(NodeId id) const { return forms_[id].front(); }

    /// stored = value / bound, in the node's layout.
    Stored natural(NodeId id) { return stored(id, {1 / facts_[id].bound, 0}); }

    /// With these constants, in the node's layout.
    Stored stored(NodeId id, const Constants& wanted) {
        for (const Stored& form : forms_[id]) {
            if (form.storage.factor == wanted.factor && form.storage.shift == wanted.shift &&
                form.storage.layout == facts_[id].layout) {
                return form;
            }
        }
        Stored result;
        if (raw_scores_[id]) {
            result = parted_scores(builder_, facts_[id].attention, *raw_scores_[id], wanted);
        } else if (facts_[id].shape.scores) {
            result = builder_.affine(forms_[id].front(), wanted, score_masks(facts_[id].attention, Lanes::all));
        } else if (forms_[id].front().storage.layout != facts_[id].layout) {
            result = builder_.map(identity_map(facts_[id].shape.features), forms_[id].front(),
                                  target(facts_[id].layout, wanted));
        } else {
            result = builder_.affine(forms_[id].front(), wanted, layout_masks(facts_[id].layout));
        }
        forms_[id].push_back(result);
        return result;
    }

    /// As stored, in a layout that attention wants.
    Stored in_layout(NodeId id, const Layout& layout) {
        for (const Stored& form : forms_[id]) {
            if (form.storage.layout == layout && form.storage.shift == 0) return form;
        }
        const Storage wanted = target(layout, {1 / facts_[id].bound, 0});
        forms_[id].push_back(builder_.map(identity_map(facts_[id].shape.features), forms_[id].front(), wanted));
        return forms_[id].back();
    }

    /// A value that is also a query or a key may lie as one: the skew picks the lower lanes.
    Stored value_of(NodeId id, const AttentionLayout& heads) {
        for (const Stored& form : forms_[id]) {
            if (form.storage.layout == heads.key() && form.storage.shift == 0) return form;
        }
        return in_layout(id, heads.value());
    }

    // Forms that readers ask of a producer.

    std::vector<Constants> wanted_constants() const {
        const NodeFacts& facts = facts_[node_];
        std::vector<Constants> wanted;
        if (!facts.only(Role::polynomial)) wanted.push_back({1 / facts.bound, 0});
        for (const Use& use : facts.uses) {
            if (use.role != Role::polynomial) continue;
            const auto& apply = std::get<model::Apply>(graph_.nodes[use.reader].operation);
            const Constants constants = chebyshev_variable(apply.polynomial);
            if (std::ranges::find(wanted, constants) == wanted.end()) wanted.push_back(constants);
        }
        return wanted;
    }

    static Storage target(const Layout& layout, const Constants& constants) {
        return {.layout = layout, .factor = constants.factor, .shift = constants.shift};
    }

    void produce_natural(Stored result) {
        result.storage.factor = 1 / facts_[node_].bound;
        forms_[node_].push_back(result);
        if (facts_[node_].is_output) finish();
    }

    // Masks, one a ciphertext.

    std::vector<std::vector<double>> wide_masks() const {
        return facts_[node_].shape.scores ? score_masks(facts_[node_].attention, Lanes::all)
                                          : layout_masks(facts_[node_].layout);
    }

    static std::vector<std::vector<double>> layout_masks(const Layout& layout) {
        std::vector<std::vector<double>> masks;
        for (const auto& positions : layout.position) {
            auto& mask = masks.emplace_back();
            for (const std::int32_t held : positions) mask.push_back(held == Layout::kNothing ? 0.0 : 1.0);
        }
        return masks;
    }

    const model::AttentionValues& attention_values(NodeId id) const {
        return std::get<model::AttentionValues>(graph_.nodes[id].operation);
    }

    // The end.

    void finish() {
        const Stored result = natural(node_);
        builder_.circuit.output_bound = 1 / result.storage.factor;
        builder_.circuit.output = result.bundle;
        if (positions_ == Positions::all) {
            builder_.circuit.output_layout = result.storage.layout;
            return;
        }
        builder_.circuit.output = builder_.gate(SelectLastTokenGate{}, {result.bundle}, result.storage).bundle;
        record_slots(result.storage.layout);
    }

    /// The last token's row is copied to all rows first, so that a map can spread the logits over all of them: entry v
    /// in row v / F at position v mod F.
    void finish_with_map(NodeId input, const FeatureMap& map) {
        const Stored source = readable(input);
        Storage rows = source.storage;
        rows.equal_rows = true;
        const Stored selected = builder_.gate(SelectLastTokenGate{}, {source.bundle}, rows);
        builder_.circuit.bundles.back().can_bootstrap = builder_.circuit.bundles[source.bundle].can_bootstrap;
        Layout layout;
        for (std::size_t first = 0; first < map.outputs; first += packing_.slots) {
            auto& positions = layout.position.emplace_back(packing_.slots, Layout::kNothing);
            const std::size_t count = std::min(packing_.slots, map.outputs - first);
            std::iota(positions.begin(), positions.begin() + static_cast<long>(count),
                      static_cast<std::int32_t>(first));
        }
        const double bound = facts_[node_].bound;
        builder_.circuit.output = builder_.map(map, selected, target(layout, {1 / bound, 0})).bundle;
        builder_.circuit.output_bound = bound;
        record_slots(layout);
    }

    void record_slots(const Layout& layout) {
        builder_.circuit.output_slot.assign(graph_.vocabulary, 0);
        const auto& ciphertexts = layout.position;
        for (std::size_t c = ciphertexts.size(); c-- > 0;) {
            for (std::size_t i = ciphertexts[c].size(); i-- > 0;) {
                const std::int32_t held = ciphertexts[c][i];
                if (held != Layout::kNothing)
                    builder_.circuit.output_slot[static_cast<std::size_t>(held)] = c * packing_.slots + i;
            }
        }
    }

    const Graph& graph_;
    Packing packing_;
    Positions positions_;
    CircuitBuilder builder_;
    std::vector<NodeFacts> facts_;
    std::vector<std::vector<Stored>> forms_;                  ///< by node; the first is the producer's own
    std::vector<std::optional<Stored>> raw_scores_;           ///< by node; complex, before lanes are masked
    std::vector<std::optional<MaskedScores>> masked_scores_;  ///< by node; where the mask rode on the polynomial
    std::vector<std::optional<TokenFactor>> postponed_;  ///< by node; products that the maps behind them make up for
    NodeId node_ = 0;                                    ///< being lowered
};

}  // namespace

Packing choose_packing(std::size_t slots, std::size_t context) {
    const std::size_t tokens = std::bit_ceil(context);
    require(tokens <= slots, "a context of {} tokens does not fit {} slots: use a ring dimension of at least {}",
            context, slots, 2 * tokens);
    return {slots, tokens, slots / tokens};
}

int headroom_of(const Gate& gate, std::size_t input) {
    const auto* sum = std::get_if<SumGate>(&gate.operation);
    return sum != nullptr && input == 0 && sum->left_factor != 1 ? 1 : 0;
}

int depth_of(const Gate& gate) {
    return std::visit(Overloaded{[](const SumGate&) { return 0; }, [](const SumSlotsGate&) { return 0; },
                                 [](const CombineGate&) { return 0; },
                                 [](const PolynomialGate& polynomial) {
                                     return ckks::ChebyshevSeries{polynomial.coefficients, {}}.depth();
                                 },
                                 [](const auto&) { return 1; }},
                      gate.operation);
}

Circuit lower(const Graph& graph, const Packing& packing, Positions positions, TokenFactors factors) {
    return Lowering(graph, packing, positions, factors).run();
}

}  // namespace polyformer::compile
