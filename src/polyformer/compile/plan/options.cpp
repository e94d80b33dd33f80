#include "polyformer/compile/plan/options.h"

#include <array>
#include <utility>

namespace polyformer::compile {

namespace {

constexpr std::array kNames{std::pair{Keys::small, "small"}, std::pair{Keys::balanced, "balanced"},
                            std::pair{Keys::fast, "fast"}};

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

double share_of_time(Keys keys) {
    switch (keys) {
        case Keys::small:
            return 0.25;
        case Keys::balanced:
            return 0.04;
        case Keys::fast:
            break;
    }
    return 0.01;
}

}  // namespace polyformer::compile
