#include "polyformer/ckks/rotations/diagonal_steps.h"

#include <algorithm>
#include <set>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

DiagonalSteps::DiagonalSteps(std::span<const long> offsets, long stride, long baby, std::size_t slots, KeySaving saving,
                             bool leaves_turn)
    : stride_(stride), baby_(baby), slots_(slots), saving_(saving), leaves_turn_(leaves_turn) {
    require(!offsets.empty(), "a linear transform needs at least one diagonal");
    require(saving.horner || !leaves_turn, "only Horner's rule can leave results rotated");
    std::set<long> babies;
    std::set<long> giants;
    for (const long offset : offsets) {
        const BabyGiant steps = split_offset(offset, stride, baby);
        babies.insert(steps.baby_step);
        giants.insert(steps.giant_step);
    }
    baby_steps_.assign(babies.begin(), babies.end());
    giant_steps_.assign(giants.begin(), giants.end());
}

long DiagonalSteps::giant_rotation(long giant_step) const {
    return normalised_step(stride_ * baby_ * giant_step, slots_);
}

long DiagonalSteps::turn() const {
    return leaves_turn_ ? giant_rotation(giant_steps_.front()) : 0;
}

double DiagonalSteps::giant_rotations() const {
    if (!saving_.horner) {
        return static_cast<double>(
            std::ranges::count_if(giant_steps_, [&](long step) { return giant_rotation(step) != 0; }));
    }
    const bool last = !leaves_turn_ && giant_rotation(giant_steps_.front()) != 0;
    return static_cast<double>(chain().above) + (last ? 1 : 0);
}

KeyRole giant_role(KeyRole role) {
    return role == KeyRole::low_rotation ? role : KeyRole::rotation;
}

KeyRequest DiagonalSteps::key_request(const Parameters& parameters, int level, KeyRole role) const {
    KeyRequest request;
    for (const long step : baby_keys(baby_steps_, saving_.inner)) {
        request.add_rotation(parameters, role, normalised_step(stride_ * step, slots_), level);
    }
    const auto add_giant = [&](long step) {
        request.add_rotation(parameters, giant_role(role), giant_rotation(step), level);
    };
    if (!saving_.horner) {
        for (const long step : giant_steps_) add_giant(step);
        return request;
    }
    for (const long step : giant_keys(chain())) add_giant(step);
    if (!leaves_turn_) add_giant(giant_steps_.front());
    return request;
}

}  // namespace polyformer::ckks
