#include "polyformer/ckks/circuits/periodic_transform.h"

#include <algorithm>
#include <bit>
#include <complex>
#include <iterator>
#include <optional>

#include "polyformer/ckks/circuits/map_shape.h"
#include "polyformer/ckks/circuits/plaintext_sums.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/rotations/giant_steps.h"
#include "polyformer/ckks/rotations/rotated_sum.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

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
        for (const DiagonalBlock& block : row) {
            require(block.empty() || block.period() == map.period,
                    "the diagonals of a block have {} values, but the period is {}", block.period(), map.period);
        }
    }
}

/// A range of indices.
struct Range {
    std::size_t begin;
    std::size_t end;
    std::size_t size() const { return end - begin; }
    bool has(std::size_t index) const { return begin <= index && index < end; }
};

/// One diagonal, real or complex, of the map that is computed.
struct Entry {
    std::size_t index = 0;          ///< among the plaintexts
    const MapTerm* real = nullptr;  ///< null where there is no such part
    const MapTerm* imaginary = nullptr;
};

/// Adds factor times what a term's diagonal is where its sum is not rotated yet: rotated by −stride·baby·giant step.
void add_unrotated(const PeriodicDiagonals& map, const MapTerm& term, std::complex<double> factor,
                   std::vector<std::complex<double>>& sum) {
    const DiagonalBlock& block = map.blocks[term.of_output][term.of_input];
    const long steps = map.stride * map.baby * split_offset(term.offset, map.stride, map.baby).giant_step;
    const auto shift = static_cast<std::size_t>(normalised_step(steps, map.period));
    block.for_each(block.index_of(term.offset),
                   [&](std::size_t position, double value) { sum[(position + shift) % map.period] += factor * value; });
}

/// (output, giant, input, baby) of some outputs and giant steps; absent diagonals are empty.
std::vector<SubringPlaintext> encode(const Evaluator& evaluator, const PeriodicDiagonals& map, const PairedMap& paired,
                                     const Range& outputs, const Range& giants, int level) {
    const std::size_t babies = paired.baby_steps.size();
    std::vector<Entry> entries(outputs.size() * giants.size() * paired.inputs * babies);
    for (const MapTerm& term : paired.terms) {
        const std::size_t giant = position(paired.giant_steps, term.giant_step);
        if (!outputs.has(term.output) || !giants.has(giant)) continue;
        const std::size_t sum = (term.output - outputs.begin) * giants.size() + giant - giants.begin;
        const std::size_t index =
            (sum * paired.inputs + term.input) * babies + position(paired.baby_steps, term.baby_step);
        (term.imaginary ? entries[index].imaginary : entries[index].real) = &term;
    }
    const double scale = evaluator.parameters().scale(level);
    // Results are sums of a number and its conjugate. Re (D − i·D')·(x + i·x') = D·x + D'·x'.
    const double factor = paired.pairing == Pairing::none ? 1 : 0.5;
    const std::complex<double> turned(0, paired.pairing == Pairing::inputs ? -factor : factor);
    std::vector<SubringPlaintext> plaintexts(entries.size());
    parallel_for(entries.size(), [&](std::size_t index) {
        const Entry& entry = entries[index];
        if (entry.real == nullptr && entry.imaginary == nullptr) return;
        std::vector<std::complex<double>> diagonal(map.period);
        const bool whole = paired.lone_both && entry.real->output + 1 == paired.outputs;
        if (entry.real != nullptr) add_unrotated(map, *entry.real, whole ? 1 : factor, diagonal);
        if (entry.imaginary != nullptr) add_unrotated(map, *entry.imaginary, turned, diagonal);
        plaintexts[index] = evaluator.encoder().encode_periodic(diagonal, level, scale);
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

/// x + i·y.
Ciphertext pair_of(const Evaluator& evaluator, const Ciphertext& x, const Ciphertext& y) {
    return evaluator.add(x, evaluator.multiply_by_i(y));
}

std::vector<Ciphertext> paired_inputs(const Evaluator& evaluator, const PairedMap& paired,
                                      std::span<const Ciphertext> inputs) {
    if (paired.inputs == inputs.size() && !paired.lone_input) return {inputs.begin(), inputs.end()};
    std::vector<Ciphertext> pairs;
    for (std::size_t i = 0; i < inputs.size(); i += 2) {
        if (i + 1 < inputs.size()) {
            pairs.push_back(pair_of(evaluator, inputs[i], inputs[i + 1]));
        } else if (paired.lone_input) {
            const Ciphertext other = evaluator.rotate(inputs[i], paired.stride * paired.baby / 2);
            pairs.push_back(pair_of(evaluator, inputs[i], other));
        } else {
            pairs.push_back(inputs[i]);
        }
    }
    return pairs;
}

/// (input, baby): all baby rotations of all inputs.
std::vector<Ciphertext> rotate_inputs(const Evaluator& evaluator, const PairedMap& paired,
                                      std::span<const Ciphertext> inputs) {
    std::vector<Ciphertext> rotated;
    for (std::vector<Ciphertext>& of_input : baby_rotations(evaluator, paired_inputs(evaluator, paired, inputs),
                                                            paired.stride, paired.baby_steps, paired.saving.inner)) {
        std::ranges::move(of_input, std::back_inserter(rotated));
    }
    return rotated;
}

/// Adds all giant steps of some outputs to their totals.
void add_outputs(const Evaluator& evaluator, const PeriodicDiagonals& map, const PairedMap& paired,
                 std::span<const Ciphertext> rotated, const Range& outputs, std::span<RotatedSum> totals) {
    const Parameters& parameters = evaluator.parameters();
    const std::size_t run = parameters.slots() / map.period;
    const GiantSums sums = [&](std::size_t begin, std::size_t end) {
        const std::vector<SubringPlaintext> plaintexts =
            encode(evaluator, map, paired, outputs, {begin, end}, rotated.front().level);
        std::vector<Ciphertext> all = inner_sums(parameters, plaintexts, rotated, outputs.size() * (end - begin), run);
        std::vector<std::optional<Ciphertext>> used(all.size());
        for (std::size_t sum = 0; sum < all.size(); ++sum) {
            // A giant step that only other outputs use costs nothing here.
            const auto of_sum = std::span(plaintexts).subspan(sum * rotated.size(), rotated.size());
            const bool empty = std::ranges::all_of(
                of_sum, [](const SubringPlaintext& plaintext) { return plaintext.polynomial.limbs() == 0; });
            if (!empty) used[sum] = std::move(all[sum]);
        }
        return used;
    };
    add_giant_steps(evaluator,
                    {.steps = paired.giant_steps,
                     .distance = map.stride * map.baby,
                     .horner = paired.saving.horner,
                     .at_a_time = kMapGiantsAtATime},
                    sums, totals);
}

Ciphertext zero_like(const Parameters& parameters, const Ciphertext& like) {
    const int level = like.level - 1;
    const RnsPolynomial zero(parameters.ring_dimension(), static_cast<std::size_t>(level) + 1);
    return {like.at(level, parameters.scale(level)), {zero, zero}};
}

/// −i·(z − z̄): twice the imaginary part.
Ciphertext doubled_imaginary_part(const Evaluator& evaluator, const Ciphertext& z, const Ciphertext& conjugate) {
    return evaluator.multiply_by_i(evaluator.subtract(conjugate, z));
}

/// The map's own outputs of some of the complex ones, from `first` on.
std::vector<Ciphertext> parted(const Evaluator& evaluator, const PeriodicDiagonals& map, const PairedMap& paired,
                               std::vector<Ciphertext> sums, std::size_t first) {
    if (paired.pairing == Pairing::none) return sums;
    const bool keeps_last = paired.lone_both && first + sums.size() == paired.outputs;
    const std::span<const Ciphertext> complex(sums.data(), sums.size() - (keeps_last ? 1 : 0));
    const std::vector<Ciphertext> conjugates = evaluator.conjugate(complex);
    std::vector<Ciphertext> results;
    for (std::size_t i = 0; i < complex.size(); ++i) {
        const Ciphertext& sum = complex[i];
        Ciphertext real = evaluator.add(sum, conjugates[i]);
        if (paired.pairing == Pairing::inputs) {
            results.push_back(std::move(real));
            continue;
        }
        Ciphertext imaginary = doubled_imaginary_part(evaluator, sum, conjugates[i]);
        if (paired.lone_output && first + i + 1 == paired.outputs) {
            results.push_back(evaluator.add(real, evaluator.rotate(imaginary, map.stride * map.baby)));
        } else {
            results.push_back(std::move(real));
            results.push_back(std::move(imaginary));
        }
    }
    if (keeps_last) results.push_back(std::move(sums.back()));
    return results;
}

}  // namespace

KeyRequest PeriodicDiagonals::key_request(const Parameters& parameters, int level) const {
    return PairedMap(MapShape(*this), pairing, baby, saving).key_request(parameters, level);
}

std::vector<Ciphertext> apply_periodic(const Evaluator& evaluator, const PeriodicDiagonals& map,
                                       std::span<const Ciphertext> inputs) {
    check(map, inputs);
    const PairedMap paired(MapShape(map), map.pairing, map.baby, map.saving);
    const std::vector<Ciphertext> rotated = rotate_inputs(evaluator, paired, inputs);
    std::vector<Ciphertext> results;
    for (std::size_t begin = 0; begin < paired.outputs; begin += kMapOutputsAtATime) {
        const Range outputs{begin, std::min(begin + kMapOutputsAtATime, paired.outputs)};
        std::vector<RotatedSum> totals(outputs.size(), RotatedSum(evaluator));
        add_outputs(evaluator, map, paired, rotated, outputs, totals);
        std::vector<Ciphertext> sums;
        for (const RotatedSum& total : totals) {
            sums.push_back(total.empty() ? zero_like(evaluator.parameters(), inputs.front()) : total.result(1));
        }
        std::ranges::move(parted(evaluator, map, paired, std::move(sums), begin), std::back_inserter(results));
    }
    return results;
}

}  // namespace polyformer::ckks
