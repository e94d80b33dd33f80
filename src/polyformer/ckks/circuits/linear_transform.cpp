#include "polyformer/ckks/circuits/linear_transform.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "polyformer/ckks/circuits/plaintext_sums.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/rotations/baby_giant.h"
#include "polyformer/ckks/rotations/rotated_rows.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

using Diagonals = std::map<long, std::vector<std::complex<double>>>;

/// Shortest power of two with which every diagonal repeats, bit by bit.
std::size_t common_period(const Diagonals& diagonals, std::size_t slots) {
    std::size_t period = slots;
    const auto repeats = [](const std::vector<std::complex<double>>& values, std::size_t half) {
        return std::equal(values.begin() + static_cast<std::ptrdiff_t>(half), values.end(), values.begin());
    };
    while (period > 1 && std::all_of(diagonals.begin(), diagonals.end(),
                                     [&](const auto& entry) { return repeats(entry.second, period / 2); })) {
        period /= 2;
    }
    return period;
}

std::ptrdiff_t index_of(const std::vector<long>& sorted, long value) {
    return std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
}

}  // namespace

DiagonalTransform::DiagonalTransform(const Encoder& encoder, const Parameters& parameters, const Diagonals& diagonals,
                                     long stride, int baby, int level, double plaintext_scale, KeySaving saving,
                                     bool leaves_turn, KeyRole role)
    : level_(level),
      plaintext_scale_(plaintext_scale),
      role_(role),
      automorphisms_(std::make_shared<const AutomorphismCache>(parameters.ring_dimension())) {
    require(!diagonals.empty(), "a linear transform needs at least one diagonal");
    require(level >= 1 && level <= parameters.max_level(),
            "a linear transform at level {} must have a level between 1 and {}, since it ends one level down", level,
            parameters.max_level());
    slots_ = diagonals.begin()->second.size();
    require(std::has_single_bit(slots_) && slots_ <= parameters.slots(),
            "diagonals of {} values: their length must be a power of two up to {}", slots_, parameters.slots());

    std::vector<long> offsets;
    for (const auto& [offset, values] : diagonals) {
        require(values.size() == slots_, "diagonal {} has {} values, the first one {}: all must be equally long",
                offset, values.size(), slots_);
        require(std::abs(offset) < static_cast<long>(slots_), "diagonal {} lies outside (-{}, {})", offset, slots_,
                slots_);
        offsets.push_back(offset);
    }
    steps_.emplace(offsets, stride, baby, slots_, saving, leaves_turn);
    const std::vector<long>& baby_steps = steps_->baby_steps();
    const std::vector<long>& giant_steps = steps_->giant_steps();

    const auto period = static_cast<long>(common_period(diagonals, slots_));
    std::vector<const Diagonals::value_type*> entries;
    for (const auto& entry : diagonals) entries.push_back(&entry);
    plaintexts_.resize(baby_steps.size() * giant_steps.size());
    parallel_for(entries.size(), [&](std::size_t index) {
        const auto& [offset, values] = *entries[index];
        const BabyGiant steps = split_offset(offset, stride, baby);
        std::vector<std::complex<double>> rotated(static_cast<std::size_t>(period));
        for (long slot = 0; slot < period; ++slot) {
            const long from =
                normalised_step(slot - stride * baby * steps.giant_step, static_cast<std::size_t>(period));
            rotated[static_cast<std::size_t>(slot)] = values[static_cast<std::size_t>(from)];
        }
        const auto row = static_cast<std::size_t>(index_of(giant_steps, steps.giant_step));
        const auto column = static_cast<std::size_t>(index_of(baby_steps, steps.baby_step));
        plaintexts_[row * baby_steps.size() + column] =
            encoder.encode_periodic_extended(rotated, level, plaintext_scale, special_count(parameters, role));
    });
}

Ciphertext DiagonalTransform::apply(const Evaluator& evaluator, Ciphertext input) const {
    check_input(input, false);
    return sum_of_giants(evaluator, giant_sums(evaluator, std::move(input))).result(1);
}

Ciphertext DiagonalTransform::apply(const Evaluator& evaluator, const RaisedCiphertext& input) const {
    check_input(input, true);
    return sum_of_giants(evaluator, giant_sums(evaluator, input)).result(1);
}

ExtendedCiphertext DiagonalTransform::apply_extended(const Evaluator& evaluator, Ciphertext input) const {
    check_input(input, false);
    return sum_of_giants(evaluator, giant_sums(evaluator, std::move(input))).extended();
}

ExtendedCiphertext DiagonalTransform::apply_extended(const Evaluator& evaluator, const RaisedCiphertext& input) const {
    check_input(input, true);
    return sum_of_giants(evaluator, giant_sums(evaluator, input)).extended();
}

void DiagonalTransform::check_input(const CiphertextMetadata& input, bool raised) const {
    require(input.level == level_,
            "this linear transform was encoded for level {}, its input is at level {}: adjust the input's level",
            level_, input.level);
    require(input.slots == slots_, "this linear transform maps {} slots, its input has {}", slots_, input.slots);
    require(raised == (role_ == KeyRole::sparse_to_dense),
            "this linear transform was made for ciphertexts that {} just raised", raised ? "were not" : "were");
}

RotatedSum DiagonalTransform::sum_of_giants(const Evaluator& evaluator, std::vector<ExtendedCiphertext> sums) const {
    const std::vector<long>& giant_steps = steps_->giant_steps();
    const bool horner = steps_->saving().horner;
    const KeyRole role = giant_role(role_);
    RotatedSum total(evaluator, role);
    for (std::size_t g = sums.size(); g-- > 0;) {
        const long step = horner ? 0 : steps_->giant_rotation(giant_steps[g]);
        if (sums.size() > 1 && sums[g].special() != special_count(evaluator.parameters(), role)) {
            total.add(evaluator.divide_by_special(sums[g]), step);
        } else if (step == 0) {
            total.add(std::move(sums[g]));
        } else {
            total.add(std::move(evaluator.rotate_extended(std::span(&sums[g], 1), step, role).front()));
        }
        sums[g] = {};
        if (!horner || g == 0) continue;
        const GiantChain chain = steps_->chain();
        const long rotations = chain.rotations(giant_steps[g]) - chain.rotations(giant_steps[g - 1]);
        for (long k = 0; k < rotations; ++k) total.rotate(steps_->giant_rotation(chain.unit));
    }
    const long last = steps_->giant_rotation(giant_steps.front());
    if (horner && !steps_->leaves_turn() && last != 0) total.rotate(last);
    return total;
}

std::vector<ExtendedCiphertext> DiagonalTransform::giant_sums(const Evaluator& evaluator, Ciphertext input) const {
    const Parameters& parameters = evaluator.parameters();
    const std::size_t n = parameters.ring_dimension();
    const int special = special_count(parameters, role_);
    const std::size_t rows = static_cast<std::size_t>(level_ + 1 + special);
    const CiphertextMetadata metadata = input.at(level_, input.scale * plaintext_scale_);
    const RotatedRows rotated(evaluator, std::move(input), steps_->stride(), steps_->baby_steps(),
                              steps_->saving().inner, *automorphisms_, role_);

    std::vector<ExtendedCiphertext> sums;
    for (std::size_t g = 0; g < steps_->giant_steps().size(); ++g) {
        sums.push_back(uninitialised_extended(parameters, metadata, special));
    }
    const auto present = std::find_if(plaintexts_.begin(), plaintexts_.end(),
                                      [](const SubringPlaintext& p) { return p.polynomial.limbs() != 0; });
    parallel_for(rows, [&](std::size_t row) {
        std::vector<const std::uint64_t*> weights;
        for (const SubringPlaintext& plaintext : plaintexts_) {
            weights.push_back(plaintext.polynomial.limbs() == 0 ? nullptr : plaintext.polynomial.limb(row).data());
        }
        RnsPolynomial sources = RnsPolynomial::uninitialised(n, 2 * rotated.rotations());
        rotated.compute(row, sources);
        std::vector<LimbSums> operands(2);
        for (std::size_t c = 0; c < 2; ++c) {
            for (std::size_t k = 0; k < rotated.rotations(); ++k) {
                operands[c].sources.push_back(sources.limb(c * rotated.rotations() + k).data());
            }
            for (ExtendedCiphertext& sum : sums) operands[c].results.push_back(sum.components[c].limb(row).data());
        }
        plaintext_sums(operands, weights, n, present->run, parameters.row(level_, row).modulus());
    });
    return sums;
}

std::vector<ExtendedCiphertext> DiagonalTransform::giant_sums(const Evaluator& evaluator,
                                                              const RaisedCiphertext& input) const {
    std::vector<long> distances;
    for (const long step : steps_->baby_steps()) distances.push_back(steps_->stride() * step);
    return raised_sums(evaluator, input, distances, plaintexts_, plaintext_scale_, *automorphisms_);
}

std::size_t DiagonalTransform::bytes() const {
    std::size_t total = 0;
    for (const SubringPlaintext& plaintext : plaintexts_) total += plaintext.polynomial.bytes();
    return total;
}

}  // namespace polyformer::ckks
