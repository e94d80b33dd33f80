#include "polyformer/ckks/rotations/baby_giant.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace polyformer::ckks {

std::vector<BabyStage> baby_stages(std::span<const long> baby_steps, long inner) {
    require(inner > 0, "baby steps cannot be taken modulo {}", inner);
    std::map<long, std::vector<long>> rests_of;
    for (const long step : baby_steps) rests_of[step % inner].push_back(step - step % inner);
    // Residues with the same rests share the keys of these.
    std::map<std::vector<long>, std::vector<long>> residues_of;
    for (auto& [residue, rests] : rests_of) residues_of[std::move(rests)].push_back(residue);
    std::vector<BabyStage> stages;
    for (const auto& [rests, residues] : residues_of) stages.push_back({residues, rests});
    return stages;
}

BabyWork baby_work(std::span<const long> baby_steps, long inner) {
    BabyWork work;
    for (const BabyStage& stage : baby_stages(baby_steps, inner)) {
        const auto first = static_cast<double>(std::ranges::count_if(stage.residues, [](long r) { return r != 0; }));
        const auto then = static_cast<double>(std::ranges::count_if(stage.rests, [](long r) { return r != 0; }));
        work.rotations += first + static_cast<double>(stage.residues.size()) * then;
        if (then > 0) work.intermediates += first;
    }
    return work;
}

GiantChain::GiantChain(std::span<const long> giant_steps)
    : GiantChain(giant_steps, std::clamp(0L, giant_steps.front(), giant_steps.back())) {}

GiantChain::GiantChain(std::span<const long> giant_steps, long the_base) : base(the_base) {
    unit = 0;
    for (const long step : giant_steps) unit = std::gcd(unit, step - base);
    unit = std::max(unit, 1L);
    above = std::max(0L, giant_steps.back() - base) / unit;
    below = std::max(0L, base - giant_steps.front()) / unit;
}

std::vector<long> baby_keys(std::span<const long> baby_steps, long inner) {
    std::vector<long> keys;
    for (const BabyStage& stage : baby_stages(baby_steps, inner)) {
        keys.insert(keys.end(), stage.residues.begin(), stage.residues.end());
        keys.insert(keys.end(), stage.rests.begin(), stage.rests.end());
    }
    return keys;
}

std::vector<long> giant_keys(const GiantChain& chain) {
    std::vector<long> keys;
    if (chain.above > 0) keys.push_back(chain.unit);
    if (chain.below > 0) keys.push_back(-chain.unit);
    return keys;
}

}  // namespace polyformer::ckks
