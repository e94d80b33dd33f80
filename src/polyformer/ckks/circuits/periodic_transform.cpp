#include "polyformer/ckks/circuits/periodic_transform.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <set>

#include "polyformer/ckks/circuits/baby_giant.h"
#include "polyformer/ckks/circuits/plaintext_sums.h"
#include "polyformer/ckks/circuits/rotated_sum.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// The baby and giant steps that some block of the map uses, ascending.
struct Steps {
    std::vector<long> baby;
    std::vector<long> giant;
};

Steps steps_of(const PeriodicDiagonals& map) {
    std::set<long> baby;
    std::set<long> giant;
    for (const auto& row : map.blocks) {
        for (const auto& block : row) {
            for (const auto& [offset, values] : block) {
                const BabyGiant steps = split_offset(offset, map.stride, map.baby);
                baby.insert(steps.baby_step);
                giant.insert(steps.giant_step);
            }
        }
    }
    return {{baby.begin(), baby.end()}, {giant.begin(), giant.end()}};
}

std::size_t position(const std::vector<long>& sorted, long value) {
    return static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin());
}

void check(const PeriodicDiagonals& map, std::span<const Ciphertext> inputs) {
    require(inputs.size() == map.inputs && map.inputs > 0, "a map of {} inputs was applied to {} ciphertexts",
            map.inputs, inputs.size());
    require(map.blocks.size() == map.outputs, "a map with {} outputs has {} rows of blocks", map.outputs,
            map.blocks.size());
    const Ciphertext& first = inputs.front();
    require(std::has_single_bit(map.period) && map.period <= first.slots,
            "period {} must be a power of two up to the {} slots", map.period, first.slots);
    require(first.level >= 1, "level 0 is too low for a linear map (needs 1): bootstrap first");
    for (const Ciphertext& input : inputs) {
        require(input.level == first.level && input.slots == first.slots && input.components.size() == 2,
                "inputs of a linear map must agree: level {}, {} slots, {} components beside level {}, {} slots, 2",
                input.level, input.slots, input.components.size(), first.level, first.slots);
    }
    for (const auto& row : map.blocks) {
        require(row.size() == map.inputs, "a map of {} inputs has a row of {} blocks", map.inputs, row.size());
        for (const auto& block : row) {
            for (const auto& [offset, values] : block) {
                require(values.size() == map.period, "diagonal {} has {} values, but the period is {}", offset,
                        values.size(), map.period);
            }
        }
    }
}

/// A range of indices.
struct Range {
    std::size_t begin;
    std::size_t end;
    std::size_t size() const { return end - begin; }
};

/// (output, giant, input, baby) of some outputs and giant steps; absent diagonals are empty. Each is rotated by
/// −stride·baby·giant step.
std::vector<SubringPlaintext> encode(const Evaluator& evaluator, const PeriodicDiagonals& map, const Steps& steps,
                                     const Range& outputs, const Range& giants, int level) {
    struct Entry {
        std::size_t index;
        long shift;
        const std::vector<double>* values;
    };
    std::vector<Entry> entries;
    for (std::size_t output = outputs.begin; output < outputs.end; ++output) {
        for (std::size_t input = 0; input < map.inputs; ++input) {
            for (const auto& [offset, values] : map.blocks[output][input]) {
                const BabyGiant split = split_offset(offset, map.stride, map.baby);
                const std::size_t giant = position(steps.giant, split.giant_step);
                if (giant < giants.begin || giant >= giants.end) continue;
                const std::size_t sum = (output - outputs.begin) * giants.size() + giant - giants.begin;
                entries.push_back(
                    {(sum * map.inputs + input) * steps.baby.size() + position(steps.baby, split.baby_step),
                     map.stride * map.baby * split.giant_step, &values});
            }
        }
    }
    const double scale = evaluator.parameters().scale(level);
    std::vector<SubringPlaintext> plaintexts(outputs.size() * giants.size() * map.inputs * steps.baby.size());
    parallel_for(entries.size(), [&](std::size_t index) {
        const Entry& entry = entries[index];
        std::vector<double> rotated(map.period);
        for (std::size_t slot = 0; slot < map.period; ++slot) {
            const long from = normalised_step(static_cast<long>(slot) - entry.shift, map.period);
            rotated[slot] = (*entry.values)[static_cast<std::size_t>(from)];
        }
        plaintexts[entry.index] = evaluator.encoder().encode_periodic(rotated, level, scale);
    });
    return plaintexts;
}

/// `count` sums over inputs and baby steps, (count, inputs · baby steps) plaintexts.
std::vector<Ciphertext> inner_sums(const Parameters& parameters, std::span<const SubringPlaintext> plaintexts,
                                   std::span<const Ciphertext> rotated, std::size_t count, std::size_t run) {
    const Ciphertext& like = rotated.front();
    const std::size_t n = parameters.ring_dimension();
    const auto rows = static_cast<std::size_t>(like.level) + 1;
    const CiphertextMetadata product = like.at(like.level, like.scale * parameters.scale(like.level));
    std::vector<Ciphertext> sums;
    for (std::size_t i = 0; i < count; ++i) sums.push_back(uninitialised_ciphertext(parameters, product, 2));
    parallel_for(rows, [&](std::size_t row) {
        std::vector<const std::uint64_t*> weights;
        for (const SubringPlaintext& plaintext : plaintexts) {
            weights.push_back(plaintext.polynomial.limbs() == 0 ? nullptr : plaintext.polynomial.limb(row).data());
        }
        std::vector<LimbSums> operands(2);
        for (std::size_t c = 0; c < 2; ++c) {
            for (const Ciphertext& source : rotated) {
                operands[c].sources.push_back(source.components[c].limb(row).data());
            }
            for (Ciphertext& sum : sums) operands[c].results.push_back(sum.components[c].limb(row).data());
        }
        plaintext_sums(operands, weights, n, run, parameters.q(static_cast<int>(row)).modulus());
    });
    return sums;
}

/// (input, baby): all baby rotations of all inputs.
std::vector<Ciphertext> rotate_inputs(const Evaluator& evaluator, const PeriodicDiagonals& map, const Steps& steps,
                                      std::span<const Ciphertext> inputs) {
    std::vector<long> strides;
    for (const long step : steps.baby) strides.push_back(map.stride * step);
    std::vector<Ciphertext> rotated;
    for (std::vector<Ciphertext>& of_input : rotations(evaluator, inputs, strides)) {
        std::ranges::move(of_input, std::back_inserter(rotated));
    }
    return rotated;
}

/// Adds all giant steps of some outputs to their totals.
void add_outputs(const Evaluator& evaluator, const PeriodicDiagonals& map, const Steps& steps,
                 std::span<const Ciphertext> rotated, const Range& outputs, std::span<RotatedSum> totals) {
    const Parameters& parameters = evaluator.parameters();
    const std::size_t run = parameters.slots() / map.period;
    const std::size_t terms = rotated.size();
    for (std::size_t begin = 0; begin < steps.giant.size(); begin += kMapGiantsAtATime) {
        const Range giants{begin, std::min(begin + kMapGiantsAtATime, steps.giant.size())};
        const std::vector<SubringPlaintext> plaintexts =
            encode(evaluator, map, steps, outputs, giants, rotated.front().level);
        std::vector<Ciphertext> sums = inner_sums(parameters, plaintexts, rotated, outputs.size() * giants.size(), run);
        for (std::size_t giant = giants.begin; giant < giants.end; ++giant) {
            std::vector<Ciphertext> used;
            std::vector<RotatedSum*> used_totals;
            for (std::size_t output = 0; output < outputs.size(); ++output) {
                // A giant step that only other outputs use costs nothing here.
                const std::size_t sum = output * giants.size() + giant - giants.begin;
                const auto first = plaintexts.begin() + static_cast<std::ptrdiff_t>(sum * terms);
                if (std::all_of(first, first + static_cast<std::ptrdiff_t>(terms),
                                [](const SubringPlaintext& p) { return p.polynomial.limbs() == 0; })) {
                    continue;
                }
                used.push_back(std::move(sums[sum]));
                used_totals.push_back(&totals[output]);
            }
            add_rotated(evaluator, used, map.stride * map.baby * steps.giant[giant], used_totals);
        }
    }
}

Ciphertext zero_like(const Parameters& parameters, const Ciphertext& like) {
    const int level = like.level - 1;
    const RnsPolynomial zero(parameters.ring_dimension(), static_cast<std::size_t>(level) + 1);
    return {like.at(level, parameters.scale(level)), {zero, zero}};
}

}  // namespace

KeyRequest PeriodicDiagonals::key_request(const Parameters& parameters, int level) const {
    const Steps steps = steps_of(*this);
    KeyRequest request;
    for (const long step : steps.baby) request.add_rotation(parameters, stride * step, level);
    for (const long step : steps.giant) request.add_rotation(parameters, stride * baby * step, level);
    return request;
}

std::vector<Ciphertext> apply_periodic(const Evaluator& evaluator, const PeriodicDiagonals& map,
                                       std::span<const Ciphertext> inputs) {
    check(map, inputs);
    const Steps steps = steps_of(map);
    const std::vector<Ciphertext> rotated = rotate_inputs(evaluator, map, steps, inputs);
    std::vector<Ciphertext> results;
    for (std::size_t begin = 0; begin < map.outputs; begin += kMapOutputsAtATime) {
        const Range outputs{begin, std::min(begin + kMapOutputsAtATime, map.outputs)};
        std::vector<RotatedSum> totals(outputs.size(), RotatedSum(evaluator));
        add_outputs(evaluator, map, steps, rotated, outputs, totals);
        for (const RotatedSum& total : totals) {
            results.push_back(total.empty() ? zero_like(evaluator.parameters(), inputs.front()) : total.result(1));
        }
    }
    return results;
}

}  // namespace polyformer::ckks
