#include "polyformer/compile/plan/options.h"

#include <array>
#include <utility>

namespace polyformer::compile {

namespace {

constexpr std::array kNames{std::pair{Keys::small, "small"}, std::pair{Keys::balanced, "balanced"},
                            std::pair{Keys::fast, "fast"}};

/// Of all time, for 1 GiB at N = 2^16.
double share_of_time(Keys keys) {
    switch (keys) {
        case Keys::small:
            return 0.34;
        case Keys::balanced:
            return 0.055;
        case Keys::fast:
            break;
    }
    return 0.0135;
}

}  // namespace

std::string name_of(Keys keys) {
    for (const auto& [one, name] : kNames) {
        if (one == keys) return name;
    }
    return {};
}

std::optional<Keys> keys_named(std::string_view name) {
    for (const auto& [keys, one] : kNames) {
        if (one == name) return keys;
    }
    return std::nullopt;
}

double seconds_per_key_byte(Keys keys, double seconds, const ckks::Parameters& parameters) {
    constexpr double kGibibyte = std::size_t{1} << 30;
    constexpr double kRingDimension = 65536;
    return share_of_time(keys) * seconds / kGibibyte * kRingDimension /
           static_cast<double>(parameters.ring_dimension());
}

double bootstrap_key_price(double seconds_per_byte, std::size_t bootstraps, const ckks::Parameters& parameters,
                           const CostModel& costs) {
    if (bootstraps == 0) return 0;
    return seconds_per_byte / (static_cast<double>(bootstraps) * costs.seconds(parameters, {.transforms = 1}));
}

}  // namespace polyformer::compile
