#include "compile/lowering.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>

#include "compile/analysis.h"
#include "compile/linear_maps.h"
#include "compile/score_masks.h"
#include "model/visit.h"
#include "support/error.h"

namespace polyformer::compile {

namespace {

using model::Graph;
using model::Node;
using model::NodeId;
using model::Overloaded;

/// stored = factor · value + shift.
struct Constants {
    double factor = 1;
    double shift = 0;
    friend bool operator==(const Constants&, const Constants&) = default;
};

/// A value of the model in some form that a gate has produced.
struct Stored {
    BundleId bundle = 0;
    Storage storage;
};

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
    Lowering(const Graph& graph, const Packing& packing, Positions positions)
        : graph_(graph),
          packing_(packing),
          positions_(positions),
          facts_(analyse(graph, packing)),
          forms_(graph.nodes.size()),
          raw_scores_(graph.nodes.size()),
          masked_scores_(graph.nodes.size()) {}

    Circuit run() {
        for (NodeId id = 0; id < graph_.nodes.size(); ++id) {
            node_ = id;
            std::visit([&](const auto& operation) { lower(operation); }, graph_.nodes[id].operation);
        }
        return std::move(circuit_);
    }

  private:
    // Producing nodes.

    void lower(const model::Input&) {
        const NodeFacts& facts = facts_[node_];
        const Storage storage{.layout = facts.layout, .factor = 1 / facts.bound, .zero_elsewhere = true};
        circuit_.input = new_bundle(storage.layout.ciphertexts());
        circuit_.input_layout = facts.layout;
        circuit_.input_bound = facts.bound;
        forms_[node_].push_back({circuit_.input, storage});
        if (facts.is_output) finish();
    }

    void lower(const model::Linear& linear) { lower_map(linear.input, feature_map(linear)); }

    void lower(const model::FeatureMean& mean) {
        const Stored source = readable(mean.input);
        const std::size_t features = facts_[mean.input].shape.features;
        const std::size_t period = std::min(packing_.features, std::bit_ceil(features));
        const bool sums = features > 1 && source.storage.layout == replicated_layout(packing_, features) &&
                          facts_[node_].layout == replicated_layout(packing_, 1) && source.storage.zero_elsewhere &&
                          source.storage.shift == 0;
        if (!sums) return lower_map(mean.input, mean_map(features));
        const Stored total = emit_gate(SumSlotsGate{period, 1, true}, {source.bundle}, source.storage, std::size_t{1});
        circuit_.bundles.back().can_bootstrap = false;
        for (const Constants& wanted : wanted_constants()) {
            const double gain = wanted.factor / source.storage.factor;
            Stored result = emit_gate(mean_of_sums(packing_, features, period, gain, wanted.shift), {total.bundle},
                                      target(facts_[node_].layout, wanted));
            if (period == packing_.features) result = emit_repetition(result, {period, 1});
            forms_[node_].push_back(result);
        }
        if (facts_[node_].is_output) finish();
    }

    void lower_map(NodeId input, const FeatureMap& map) {
        const NodeFacts& facts = facts_[node_];
        if (facts.is_output && positions_ == Positions::last) return finish_with_map(input, map);
        for (const Constants& wanted : wanted_constants()) {
            forms_[node_].push_back(emit_map(map, readable(input), target(facts.layout, wanted)));
        }
        if (facts.is_output) finish();
    }

    void lower(const model::Add& add) {
        const bool scales_right = facts_[add.right].bound < facts_[node_].bound;
        const Stored scaled = natural(scales_right ? add.right : add.left);
        const Stored other = natural(scales_right ? add.left : add.right);
        Storage storage = other.storage;
        storage.zero_elsewhere = scaled.storage.zero_elsewhere && other.storage.zero_elsewhere;
        produce_natural(
            emit_gate(SumGate{other.storage.factor / scaled.storage.factor}, {scaled.bundle, other.bundle}, storage));
    }

    void lower(const model::Multiply& product) {
        const Stored left = natural(product.left);
        const Stored right = natural(product.right);
        const bool left_is_wider = left.storage.layout.ciphertexts() >= right.storage.layout.ciphertexts() &&
                                   facts_[product.left].shape.features >= facts_[product.right].shape.features;
        Storage storage = (left_is_wider ? left : right).storage;
        storage.factor = left.storage.factor * right.storage.factor;
        storage.zero_elsewhere = left.storage.zero_elsewhere || right.storage.zero_elsewhere;
        Stored result = emit_gate(ProductGate{}, {left.bundle, right.bundle}, storage);
        const double wanted = 1 / facts_[node_].bound;
        if (std::abs(storage.factor - wanted) > 1e-12 * wanted) result = emit_affine(result, {wanted, 0}, wide_masks());
        produce_natural(result);
    }

    void lower(const model::Apply& apply) {
        const Stored input = stored(apply.input, chebyshev_variable(apply.polynomial));
        const NodeFacts& facts = facts_[node_];
        Constants constants = {1 / facts.bound, 0};
        PolynomialGate gate;
        if (facts.only(Role::attention) && facts.uses.size() == 1) {
            gate.masks = attention_masks(attention_values(facts.uses.front().reader));
        } else if (const auto wanted = wanted_constants(); wanted.size() == 1) {
            constants = wanted.front();
        }
        gate.coefficients = apply.polynomial.coefficients;
        for (double& coefficient : gate.coefficients) coefficient *= constants.factor;
        gate.coefficients[0] += constants.shift;
        while (gate.coefficients.size() > 1 && gate.coefficients.back() == 0) gate.coefficients.pop_back();
        const bool masked = !gate.masks.empty();
        Storage storage = input.storage;
        storage.factor = constants.factor;
        storage.shift = constants.shift;
        storage.zero_elsewhere = false;
        if (masked) storage.factor /= largest_length_scale(attention_values(facts.uses.front().reader));
        const Stored result = emit_gate(std::move(gate), {input.bundle}, storage);
        if (masked) {
            masked_scores_[node_] = result;
        } else {
            forms_[node_].push_back(result);
        }
        if (facts.is_output) finish();
    }

    void lower(const model::AttentionScores& scores) {
        const NodeFacts& facts = facts_[node_];
        require(scores.scale != 0, "'{}' scales scores by 0: give the attention a scale, or leave it out",
                graph_.nodes[node_].name);
        const AttentionLayout heads =
            with_head_width(facts.attention, facts_[scores.query].shape.features / scores.heads);
        const Stored query = in_layout(scores.query, heads.query());
        const Stored key = in_layout(scores.key, heads.key());
        // Raw scores stay within [-1, 1] too: what would exceed it is scaled down with the keys.
        const double unscaled = query.storage.factor * key.storage.factor / scores.scale;
        const double shrink = std::min(1.0, std::abs(1 / (unscaled * facts.bound)));
        const Stored skewed = emit_skew(key, heads.key(), heads.key_shift(), shrink);
        AttentionGate gate;
        const auto lanes = static_cast<long>(heads.lanes);
        const auto features = static_cast<long>(packing_.features);
        gate.product = {.first = 0, .last = lanes, .left_step = 1, .right_step = features + 1};
        gate.right_offsets = block_offsets(heads);
        Storage storage{.layout = {}, .factor = unscaled * shrink};
        raw_scores_[node_] =
            emit_gate(std::move(gate), {query.bundle, skewed.bundle}, storage, heads.groups * heads.blocks);
        circuit_.bundles.back().can_bootstrap = false;
    }

    void lower(const model::AttentionValues& values) {
        const NodeFacts& facts = facts_[node_];
        const AttentionLayout heads =
            with_head_width(facts_[values.scores].attention, facts.shape.features / values.heads);
        const Stored scores = masked_scores(values);
        const Stored value = value_of(values.value, heads);
        const double unscaled = scores.storage.factor * value.storage.factor;
        const double shrink = std::min(1.0, 1 / (unscaled * facts.bound));
        const Stored skewed = emit_skew(value, heads.value(), heads.value_shift(), shrink);
        AttentionGate gate;
        const auto lanes = static_cast<long>(heads.lanes);
        const auto features = static_cast<long>(packing_.features);
        gate.product = {.first = -lanes, .last = lanes, .left_step = 1, .right_step = -features};
        gate.right_offsets = block_offsets(heads);
        gate.sums_blocks = true;
        const Storage storage{.layout = heads.value(),
                              .factor = unscaled * shrink,
                              .partial_sums = heads.copies > 1,
                              .zero_elsewhere = true};
        const Stored result = emit_gate(std::move(gate), {scores.bundle, skewed.bundle}, storage, heads.groups);
        circuit_.bundles.back().can_bootstrap = heads.copies == 1;
        forms_[node_].push_back(sum_of_copies(result, heads));
        if (!values.causal) circuit_.least_rows = graph_.context;
        if (facts.is_output) finish();
    }

    /// Adds the copies' partial sums up into the first, if the sum stays within the token; linear maps can read either.
    Stored sum_of_copies(const Stored& values, const AttentionLayout& heads) {
        const std::size_t distance = 2 * heads.lanes * heads.heads_per_group;
        const std::size_t count = std::bit_ceil(heads.copies);
        if (count == 1 || count * distance > packing_.features) return values;
        Storage storage = values.storage;
        storage.layout = first_positions(storage.layout, distance);
        storage.partial_sums = false;
        storage.zero_elsewhere = false;
        const Stored sum = emit_gate(SumSlotsGate{count, static_cast<long>(distance)}, {values.bundle}, storage);
        circuit_.bundles.back().can_bootstrap = false;
        return sum;
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
                !form.storage.partial_sums && form.storage.layout == facts_[id].layout) {
                return form;
            }
        }
        Stored result;
        if (facts_[id].shape.scores) {
            const Stored source = raw_scores_[id] ? *raw_scores_[id] : forms_[id].front();
            result = emit_affine(source, wanted, score_masks(facts_[id].attention));
        } else if (forms_[id].front().storage.partial_sums || forms_[id].front().storage.layout != facts_[id].layout) {
            result = emit_map(identity_map(facts_[id].shape.features), forms_[id].front(),
                              target(facts_[id].layout, wanted));
        } else {
            result = emit_affine(forms_[id].front(), wanted, layout_masks(facts_[id].layout));
        }
        forms_[id].push_back(result);
        return result;
    }

    /// As stored, in a layout that attention wants.
    Stored in_layout(NodeId id, const Layout& layout) {
        for (const Stored& form : forms_[id]) {
            if (form.storage.layout == layout && form.storage.shift == 0 && !form.storage.partial_sums) return form;
        }
        const Storage wanted = target(layout, {1 / facts_[id].bound, 0});
        forms_[id].push_back(emit_map(identity_map(facts_[id].shape.features), forms_[id].front(), wanted));
        return forms_[id].back();
    }

    /// A value that is also a query or a key may lie as one: the skew picks the lower lanes.
    Stored value_of(NodeId id, const AttentionLayout& heads) {
        for (const Stored& form : forms_[id]) {
            if (form.storage.layout == heads.key() && form.storage.shift == 0 && !form.storage.partial_sums)
                return form;
        }
        return in_layout(id, heads.value());
    }

    /// The activated scores with mask and length scale multiplied in.
    Stored masked_scores(const model::AttentionValues& values) {
        if (masked_scores_[values.scores]) return *masked_scores_[values.scores];
        const Stored source = raw_scores_[values.scores] ? *raw_scores_[values.scores] : natural(values.scores);
        Stored result = emit_affine(source, {1 / facts_[values.scores].bound, 0}, attention_masks(values));
        result.storage.factor /= largest_length_scale(values);
        return result;
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
        return facts_[node_].shape.scores ? score_masks(facts_[node_].attention) : layout_masks(facts_[node_].layout);
    }

    static std::vector<std::vector<double>> layout_masks(const Layout& layout) {
        std::vector<std::vector<double>> masks;
        for (const auto& positions : layout.position) {
            auto& mask = masks.emplace_back();
            for (const std::int32_t held : positions) mask.push_back(held == Layout::kNothing ? 0.0 : 1.0);
        }
        return masks;
    }

    static std::vector<std::vector<double>> score_masks(const AttentionLayout& layout) {
        std::vector<std::vector<double>> masks;
        for (std::size_t group = 0; group < layout.groups; ++group) {
            masks.insert(masks.end(), layout.blocks, lane_mask(layout, group));
        }
        return masks;
    }

    std::vector<std::vector<double>> attention_masks(const model::AttentionValues& values) const {
        const AttentionLayout& layout = facts_[values.scores].attention;
        std::vector<std::vector<double>> masks;
        for (std::size_t group = 0; group < layout.groups; ++group) {
            for (std::size_t block = 0; block < layout.blocks; ++block) {
                masks.push_back(attention_mask(packing_, layout, group, block, values));
            }
        }
        return masks;
    }

    std::vector<long> block_offsets(const AttentionLayout& heads) const {
        std::vector<long> offsets;
        for (std::size_t block = 0; block < heads.blocks; ++block) {
            offsets.push_back(-static_cast<long>(block * heads.lanes * heads.copies * packing_.features));
        }
        return offsets;
    }

    const model::AttentionValues& attention_values(NodeId id) const {
        return std::get<model::AttentionValues>(graph_.nodes[id].operation);
    }

    // Gates.

    BundleId new_bundle(std::size_t ciphertexts) {
        circuit_.bundles.push_back({graph_.nodes[node_].name, ciphertexts, true});
        return circuit_.bundles.size() - 1;
    }

    Stored emit_gate(GateOperation operation, std::vector<BundleId> inputs, const Storage& storage,
                     std::optional<std::size_t> ciphertexts = std::nullopt) {
        if (!ciphertexts) {
            ciphertexts = 0;
            for (const BundleId input : inputs) {
                ciphertexts = std::max(*ciphertexts, circuit_.bundles[input].ciphertexts);
            }
        }
        const BundleId output = new_bundle(*ciphertexts);
        circuit_.gates.push_back({graph_.nodes[node_].name, std::move(operation), std::move(inputs), {output}});
        return {output, storage};
    }

    /// A target that repeats is computed once and then copied by a sum over slots: that takes far fewer diagonals.
    Stored emit_map(const FeatureMap& map, const Stored& source, Storage target_storage) {
        target_storage.zero_elsewhere = true;
        if (source.storage.equal_rows) {
            return emit_fused(diagonals_of(map, source.storage, target_storage), source.bundle, target_storage);
        }
        const Repetition repetition = repetition_of(target_storage.layout);
        Storage once = target_storage;
        once.layout = first_positions(once.layout, repetition.distance);
        Stored result = emit_fused(diagonals_of(map, source.storage, once), source.bundle, target_storage);
        return repetition.count > 1 ? emit_repetition(result, repetition) : result;
    }

    /// Copies what the first positions hold to those behind them, which are 0.
    Stored emit_repetition(const Stored& once, const Repetition& repetition) {
        circuit_.bundles[once.bundle].can_bootstrap = false;  // its copy is, just as well
        return emit_gate(SumSlotsGate{repetition.count, -static_cast<long>(repetition.distance)}, {once.bundle},
                         once.storage);
    }

    /// Maps of one input that follow each other become one, so that they share its rotations.
    Stored emit_fused(MapGate gate, BundleId source, const Storage& target_storage) {
        const std::size_t ciphertexts = target_storage.layout.ciphertexts();
        std::size_t last = circuit_.gates.size();
        while (last > 0 && std::holds_alternative<SumSlotsGate>(circuit_.gates[last - 1].operation)) --last;
        if (last > 0) {
            Gate& earlier = circuit_.gates[last - 1];
            auto* map = std::get_if<MapGate>(&earlier.operation);
            if (map != nullptr && earlier.inputs == std::vector{source} && map->map.stride == gate.map.stride &&
                map->map.period == gate.map.period) {
                append_outputs(*map, std::move(gate));
                earlier.outputs.push_back(new_bundle(ciphertexts));
                const std::string& name = graph_.nodes[node_].name;
                earlier.name = fmt::format("{}+{}", earlier.name, name.substr(common_prefix(earlier.name, name)));
                return {earlier.outputs.back(), target_storage};
            }
        }
        return emit_gate(std::move(gate), {source}, target_storage, ciphertexts);
    }

    static std::size_t common_prefix(const std::string& a, const std::string& b) {
        const auto [first, second] = std::ranges::mismatch(a, b);
        const auto length = static_cast<std::size_t>(first - a.begin());
        const std::size_t dot = length == 0 ? std::string::npos : a.rfind('.', length - 1);
        return dot == std::string::npos ? 0 : dot + 1;
    }

    Stored emit_skew(const Stored& source, const Layout& layout, const std::vector<std::size_t>& shift, double factor) {
        Storage storage{.layout = layout, .factor = source.storage.factor * factor};
        return emit_gate(skew(packing_, layout, shift, factor), {source.bundle}, storage);
    }

    Stored emit_affine(const Stored& source, const Constants& wanted, std::vector<std::vector<double>> masks) {
        const double gain = wanted.factor / source.storage.factor;
        const double addend = wanted.shift - gain * source.storage.shift;
        AffineGate gate;
        for (auto& mask : masks) {
            auto& addends = gate.addends.emplace_back();
            for (double& value : mask) {
                if (addend != 0) addends.push_back(addend * value);
                value *= gain;
            }
        }
        gate.masks = std::move(masks);
        Storage storage = source.storage;
        storage.factor = wanted.factor;
        storage.shift = wanted.shift;
        storage.zero_elsewhere = true;
        return emit_gate(std::move(gate), {source.bundle}, storage);
    }

    // The end.

    void finish() {
        const Stored result = natural(node_);
        circuit_.output_bound = 1 / result.storage.factor;
        circuit_.output = result.bundle;
        if (positions_ == Positions::all) {
            circuit_.output_layout = result.storage.layout;
            return;
        }
        circuit_.output = emit_gate(SelectLastTokenGate{}, {result.bundle}, result.storage).bundle;
        record_slots(result.storage.layout);
    }

    /// The last token's row is copied to all rows first, so that a map can spread the logits over all of them: entry v
    /// in row v / F at position v mod F.
    void finish_with_map(NodeId input, const FeatureMap& map) {
        const Stored source = readable(input);
        Storage rows = source.storage;
        rows.equal_rows = true;
        const Stored selected = emit_gate(SelectLastTokenGate{}, {source.bundle}, rows);
        circuit_.bundles.back().can_bootstrap = circuit_.bundles[source.bundle].can_bootstrap;
        Layout layout;
        for (std::size_t first = 0; first < map.outputs; first += packing_.slots) {
            auto& positions = layout.position.emplace_back(packing_.slots, Layout::kNothing);
            const std::size_t count = std::min(packing_.slots, map.outputs - first);
            std::iota(positions.begin(), positions.begin() + static_cast<long>(count),
                      static_cast<std::int32_t>(first));
        }
        const double bound = facts_[node_].bound;
        circuit_.output = emit_map(map, selected, target(layout, {1 / bound, 0})).bundle;
        circuit_.output_bound = bound;
        record_slots(layout);
    }

    void record_slots(const Layout& layout) {
        circuit_.output_slot.assign(graph_.vocabulary, 0);
        const auto& ciphertexts = layout.position;
        for (std::size_t c = ciphertexts.size(); c-- > 0;) {
            for (std::size_t i = ciphertexts[c].size(); i-- > 0;) {
                const std::int32_t held = ciphertexts[c][i];
                if (held != Layout::kNothing)
                    circuit_.output_slot[static_cast<std::size_t>(held)] = c * packing_.slots + i;
            }
        }
    }

    const Graph& graph_;
    Packing packing_;
    Positions positions_;
    std::vector<NodeFacts> facts_;
    std::vector<std::vector<Stored>> forms_;            ///< by node; the first is the producer's own
    std::vector<std::optional<Stored>> raw_scores_;     ///< by node; before lanes are masked
    std::vector<std::optional<Stored>> masked_scores_;  ///< by node; where mask and length scale rode on the polynomial
    NodeId node_ = 0;                                   ///< being lowered
    Circuit circuit_;
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
                                 [](const PolynomialGate& polynomial) {
                                     return ckks::ChebyshevSeries{polynomial.coefficients, {}}.depth();
                                 },
                                 [](const auto&) { return 1; }},
                      gate.operation);
}

Circuit lower(const Graph& graph, const Packing& packing, Positions positions) {
    return Lowering(graph, packing, positions).run();
}

}  // namespace polyformer::compile
