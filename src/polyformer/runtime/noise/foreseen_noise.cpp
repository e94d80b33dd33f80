#include "polyformer/runtime/noise/foreseen_noise.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "polyformer/runtime/executor.h"
#include "polyformer/runtime/noise/noise_backend.h"
#include "polyformer/support/extremes.h"

namespace polyformer::runtime {

namespace {

/// Share of a layout's positions that hold something.
double share_in_use(const compile::Layout& layout) {
    std::ptrdiff_t used = 0;
    for (const auto& positions : layout.position) {
        used += std::ranges::count_if(positions, [](std::int32_t held) { return held != compile::Layout::kNothing; });
    }
    return static_cast<double>(used) / static_cast<double>(layout.ciphertexts() * layout.row());
}

}  // namespace

double foreseen_noise(const compile::Plan& plan) {
    double deviation = kTypicalSize;
    double noise = 0;
    for (int round = 0; round < 2; ++round) {
        NoiseBackend backend(plan.frame.parameters, plan.frame.packing, deviation);
        const std::vector<NoiseValue> inputs(
            plan.inputs.size(), backend.encrypt(plan.frame.input_level, share_in_use(plan.frame.input_layout)));
        noise = 0;
        for (const NoiseValue& output : run(plan, backend, inputs, {plan.frame.context}).outputs) {
            noise = larger(noise, output.noise);
        }
        // What the first norm expects says how large inputs are; their bound is that of the largest.
        deviation = std::min(deviation, deviation * backend.first_norm_scale());
    }
    return plan.frame.output_bound * std::min(noise, kMostNoise);
}

}  // namespace polyformer::runtime
