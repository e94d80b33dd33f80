#include "polyformer/compile/analysis/facts.h"

#include <algorithm>

namespace polyformer::compile {

bool NodeFacts::only(Role role) const {
    return !is_output && std::ranges::all_of(uses, [&](const Use& use) { return use.role == role; });
}

std::optional<SameScale> same_scale(const model::ScaleFeatures& scale) {
    const auto alike = [](const std::vector<float>& values) {
        return std::ranges::all_of(values, [&](float value) { return value == values.front(); });
    };
    if (!alike(scale.factors) || !alike(scale.bias) || scale.factors.front() == 0) return std::nullopt;
    return SameScale{scale.factors.front(), scale.bias.empty() ? 0.0 : static_cast<double>(scale.bias.front())};
}

AttentionLayout with_head_width(AttentionLayout layout, std::size_t head_width) {
    layout.head_width = head_width;
    return layout;
}

}  // namespace polyformer::compile
