#include "polyformer/ckks/circuits/map_shape.h"

#include <algorithm>
#include <set>
#include <span>

#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

/// Each input has one output, and two neighbours the same diagonals. Those whose values are not there are not.
bool all_alike(const PeriodicDiagonals& map) {
    if (map.inputs < 2 || map.inputs != map.outputs) return false;
    for (std::size_t output = 0; output < map.outputs; ++output) {
        for (std::size_t input = 0; input < map.inputs; ++input) {
            if (input != output && !map.blocks[output][input].empty()) return false;
        }
        if (!map.blocks[output][output].empty() && map.blocks[output][output].period() == 0) return false;
        if (output % 2 == 1 && map.blocks[output][output] != map.blocks[output - 1][output - 1]) return false;
    }
    return true;
}

MapTerm term_of(const PairedMap& map, std::size_t output, std::size_t input, long offset) {
    const BabyGiant steps = split_offset(offset, map.stride, map.baby);
    MapTerm term{output, input, steps.baby_step, steps.giant_step, false, output, input, offset};
    if (map.pairing == Pairing::outputs || map.pairing == Pairing::both) term.output /= 2;
    if (map.pairing == Pairing::inputs || map.pairing == Pairing::both) term.input /= 2;
    if (map.pairing == Pairing::outputs) {
        const bool lone = map.lone_output && term.output + 1 == map.outputs;
        const long odd = floor_divide(steps.giant_step, 2).remainder;
        term.imaginary = lone ? odd == 1 : output % 2 == 1;
        if (lone) term.giant_step -= odd;
    }
    if (map.pairing == Pairing::inputs) {
        const bool lone = map.lone_input && term.input + 1 == map.inputs;
        const long half = map.baby / 2;
        term.imaginary = lone ? steps.baby_step >= half : input % 2 == 1;
        if (lone && term.imaginary) term.baby_step -= half;
    }
    return term;
}

/// One kind of steps, ascending.
std::vector<long> steps_of(std::span<const MapTerm> terms, long MapTerm::*kind) {
    std::vector<long> steps;
    if (terms.empty()) return steps;
    const auto [first, last] = std::ranges::minmax_element(terms, {}, kind);
    const long least = (*first).*kind;
    const long most = (*last).*kind;
    std::vector<bool> used(static_cast<std::size_t>(most - least + 1), false);
    for (const MapTerm& term : terms) used[static_cast<std::size_t>(term.*kind - least)] = true;
    for (std::size_t i = 0; i < used.size(); ++i) {
        if (used[i]) steps.push_back(least + static_cast<long>(i));
    }
    return steps;
}

}  // namespace

MapShape::MapShape(const PeriodicDiagonals& map)
    : period(map.period), inputs(map.inputs), outputs(map.outputs), stride(map.stride), alike(all_alike(map)) {
    std::set<long> all;
    for (const auto& row : map.blocks) {
        auto& blocks_of_row = blocks.emplace_back();
        for (const auto& block : row) {
            std::vector<long>& of_block = blocks_of_row.emplace_back();
            for (std::size_t index = 0; index < block.size(); ++index) of_block.push_back(block.offset(index));
            diagonals += block.size();
            all.insert(of_block.begin(), of_block.end());
        }
    }
    offsets.assign(all.begin(), all.end());
}

PairedMap::PairedMap(const MapShape& shape, Pairing the_pairing, long the_baby, KeySaving the_saving)
    : pairing(the_pairing),
      stride(shape.stride),
      baby(the_baby),
      saving(the_saving),
      inputs(shape.inputs),
      outputs(shape.outputs) {
    require(pairing != Pairing::both || shape.alike,
            "inputs and outputs of a map from {} to {} ciphertexts cannot both be paired: each input must have one "
            "output, and two neighbours the same diagonals",
            inputs, outputs);
    if (pairing == Pairing::outputs || pairing == Pairing::both) outputs = (shape.outputs + 1) / 2;
    if (pairing == Pairing::inputs || pairing == Pairing::both) inputs = (shape.inputs + 1) / 2;
    lone_output = pairing == Pairing::outputs && shape.outputs % 2 == 1;
    lone_input = pairing == Pairing::inputs && shape.inputs % 2 == 1 && baby % 2 == 0;
    lone_both = pairing == Pairing::both && shape.inputs % 2 == 1;
    for (std::size_t output = 0; output < shape.outputs; ++output) {
        // The second of two alike has nothing to add.
        if (pairing == Pairing::both && output % 2 == 1) continue;
        for (std::size_t input = 0; input < shape.inputs; ++input) {
            for (const long offset : shape.blocks[output][input]) {
                terms.push_back(term_of(*this, output, input, offset));
            }
        }
    }
    baby_steps = steps_of(terms, &MapTerm::baby_step);
    giant_steps = steps_of(terms, &MapTerm::giant_step);
}

std::size_t PairedMap::conjugations() const {
    return pairing == Pairing::none ? 0 : outputs - (lone_both ? 1 : 0);
}

KeyRequest PairedMap::key_request(const Parameters& parameters, int level) const {
    KeyRequest request;
    for (const long step : baby_keys(baby_steps, saving.inner)) request.add_rotation(parameters, stride * step, level);
    if (!saving.horner) {
        for (const long step : giant_steps) request.add_rotation(parameters, stride * baby * step, level);
    } else if (!giant_steps.empty()) {
        const GiantChain chain(giant_steps);
        for (const long step : giant_keys(chain)) request.add_rotation(parameters, stride * baby * step, level);
        request.add_rotation(parameters, stride * baby * chain.base, level);
    }
    if (lone_input) request.add_rotation(parameters, stride * baby / 2, level);
    if (lone_output) request.add_rotation(parameters, stride * baby, level - 1);
    if (conjugations() > 0) request.add_conjugation(parameters, level - 1);
    return request;
}

}  // namespace polyformer::ckks
