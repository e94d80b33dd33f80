#include "polyformer/compile/circuit/circuit_builder.h"

#include <fmt/format.h>

#include <algorithm>

namespace polyformer::compile {

namespace {

/// Length of the part of two dotted names that is the same, up to and with the last dot in it.
std::size_t common_prefix(const std::string& a, const std::string& b) {
    const auto [first, second] = std::ranges::mismatch(a, b);
    const auto length = static_cast<std::size_t>(first - a.begin());
    const std::size_t dot = length == 0 ? std::string::npos : a.rfind('.', length - 1);
    return dot == std::string::npos ? 0 : dot + 1;
}

/// What a map's result may pass through on its way to its final form.
bool follows_maps(const Gate& gate) {
    return std::holds_alternative<SumSlotsGate>(gate.operation) ||
           std::holds_alternative<ProductGate>(gate.operation) || std::holds_alternative<CombineGate>(gate.operation);
}

}  // namespace

BundleId CircuitBuilder::new_bundle(std::size_t ciphertexts) {
    circuit.bundles.push_back({name_, ciphertexts, true});
    return circuit.bundles.size() - 1;
}

Stored CircuitBuilder::gate(GateOperation operation, std::vector<BundleId> inputs, const Storage& storage,
                            std::optional<std::size_t> ciphertexts) {
    if (!ciphertexts) {
        ciphertexts = 0;
        for (const BundleId input : inputs) ciphertexts = std::max(*ciphertexts, circuit.bundles[input].ciphertexts);
    }
    const BundleId output = new_bundle(*ciphertexts);
    circuit.gates.push_back({name_, std::move(operation), std::move(inputs), {output}});
    return {output, storage};
}

Stored CircuitBuilder::unbounded_gate(GateOperation operation, std::vector<BundleId> inputs, const Storage& storage,
                                      std::optional<std::size_t> ciphertexts) {
    const Stored result = gate(std::move(operation), std::move(inputs), storage, ciphertexts);
    circuit.bundles[result.bundle].can_bootstrap = false;
    return result;
}

Stored CircuitBuilder::map(const FeatureMap& map, const Stored& source, Storage target) {
    target.zero_elsewhere = true;
    const Repetition repeats = repetition_of(target.layout);
    Storage once = target;
    once.layout = first_positions(once.layout, repeats.distance);
    const Stored result = fused(diagonals_of(map, source.storage, once, diagonals_), source.bundle, target);
    return repeats.count > 1 ? repetition(result, repeats) : result;
}

Stored CircuitBuilder::repetition(const Stored& once, const Repetition& repeats) {
    circuit.bundles[once.bundle].can_bootstrap = false;  // its copy is, just as well
    return gate(SumSlotsGate{repeats.count, -static_cast<long>(repeats.distance)}, {once.bundle}, once.storage);
}

Stored CircuitBuilder::fused(MapGate gate_of_map, BundleId source, const Storage& target) {
    const std::size_t ciphertexts = target.layout.ciphertexts();
    std::size_t last = circuit.gates.size();
    while (last > 0 && follows_maps(circuit.gates[last - 1])) --last;
    if (last > 0) {
        Gate& earlier = circuit.gates[last - 1];
        auto* map = std::get_if<MapGate>(&earlier.operation);
        if (map != nullptr && earlier.inputs == std::vector{source} && map->map.stride == gate_of_map.map.stride &&
            map->map.period == gate_of_map.map.period && !map->by_token) {
            append_outputs(*map, std::move(gate_of_map));
            earlier.outputs.push_back(new_bundle(ciphertexts));
            earlier.name = fmt::format("{}+{}", earlier.name, name_.substr(common_prefix(earlier.name, name_)));
            return {earlier.outputs.back(), target};
        }
    }
    return gate(std::move(gate_of_map), {source}, target, ciphertexts);
}

Stored CircuitBuilder::skewed(const Packing& packing, const Stored& source, const Layout& layout,
                              const std::vector<std::size_t>& shift, double factor) {
    const Storage storage{.layout = layout, .factor = source.storage.factor * factor};
    return gate(skew(packing, layout, shift, factor), {source.bundle}, storage);
}

Stored CircuitBuilder::affine(const Stored& source, const Constants& wanted, std::vector<std::vector<double>> masks) {
    const double gain = wanted.factor / source.storage.factor;
    const double addend = wanted.shift - gain * source.storage.shift;
    AffineGate operation;
    for (auto& mask : masks) {
        auto& addends = operation.addends.emplace_back();
        for (double& value : mask) {
            if (addend != 0) addends.push_back(addend * value);
            value *= gain;
        }
    }
    operation.masks = std::move(masks);
    Storage storage = source.storage;
    storage.factor = wanted.factor;
    storage.shift = wanted.shift;
    storage.zero_elsewhere = true;
    return gate(std::move(operation), {source.bundle}, storage);
}

Stored CircuitBuilder::shifted(const Stored& source, const std::function<double(std::size_t feature)>& addend) {
    CombineGate operation;
    bool any = false;
    for (std::size_t c = 0; c < source.storage.layout.ciphertexts(); ++c) {
        operation.outputs.push_back({{.ciphertext = c}});
        auto& addends = operation.addends.emplace_back();
        for (const std::int32_t held : source.storage.layout.position[c]) {
            addends.push_back(held == Layout::kNothing ? 0.0 : addend(source.storage.layout.feature(held)));
            any = any || addends.back() != 0;
        }
    }
    return any ? gate(std::move(operation), {source.bundle}, source.storage) : source;
}

Stored CircuitBuilder::paired_with_rotation(const Stored& source, long rotation) {
    CombineGate operation;
    for (std::size_t c = 0; c < circuit.bundles[source.bundle].ciphertexts; ++c) {
        operation.outputs.push_back({{.ciphertext = c}, {.ciphertext = c, .rotation = rotation, .quarter_turns = 1}});
    }
    return unbounded_gate(std::move(operation), {source.bundle}, source.storage);
}

}  // namespace polyformer::compile
