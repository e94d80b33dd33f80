#include "polyformer/compile/lowering/stored_forms.h"

#include <algorithm>

#include "polyformer/compile/lowering/attention_gates.h"

namespace polyformer::compile {

using model::NodeId;

Constants chebyshev_variable(const model::Polynomial& polynomial) {
    const double length = polynomial.upper - polynomial.lower;
    return {2 / length, -(polynomial.lower + polynomial.upper) / length};
}

Stored StoredForms::stored(NodeId id, const Constants& wanted) {
    const NodeFacts& facts = facts_[id];
    for (const Stored& form : forms_[id]) {
        if (form.storage.factor == wanted.factor && form.storage.shift == wanted.shift &&
            form.storage.layout == facts.layout) {
            return form;
        }
    }
    Stored result;
    if (raw_scores_[id]) {
        const auto& scores = std::get<model::AttentionScores>(graph_.nodes[id].operation);
        result = parted_scores(builder_, facts.attention, *raw_scores_[id], scores.bias, wanted);
    } else if (facts.shape.scores) {
        result = builder_.affine(readable(id), wanted, score_masks(facts.attention, Lanes::all));
    } else if (readable(id).storage.layout != facts.layout) {
        result = builder_.map(identity_map(facts.shape.features), readable(id), target(id, wanted));
    } else {
        result = builder_.affine(readable(id), wanted, layout_masks(facts.layout));
    }
    add(id, result);
    return result;
}

Stored StoredForms::laid_out(NodeId id) {
    for (const Stored& form : forms_[id]) {
        if (form.storage.layout == facts_[id].layout) return form;
    }
    return natural(id);
}

Stored StoredForms::in_layout(NodeId id, const Layout& layout) {
    for (const Stored& form : forms_[id]) {
        if (form.storage.layout == layout && form.storage.shift == 0) return form;
    }
    Storage wanted = target(id, {1 / facts_[id].bound, 0});
    wanted.layout = layout;
    add(id, builder_.map(identity_map(facts_[id].shape.features), readable(id), wanted));
    return forms_[id].back();
}

Stored StoredForms::value_of(NodeId id, const AttentionLayout& heads) {
    for (const Stored& form : forms_[id]) {
        if (form.storage.layout == heads.key() && form.storage.shift == 0) return form;
    }
    return in_layout(id, heads.value());
}

std::vector<Constants> StoredForms::wanted(NodeId id) const {
    const NodeFacts& facts = facts_[id];
    std::vector<Constants> wanted;
    if (!facts.only(Role::polynomial)) wanted.push_back({1 / facts.bound, 0});
    for (const Use& use : facts.uses) {
        if (use.role != Role::polynomial) continue;
        const auto& apply = std::get<model::Apply>(graph_.nodes[use.reader].operation);
        const Constants constants = chebyshev_variable(apply.polynomial);
        if (std::ranges::find(wanted, constants) == wanted.end()) wanted.push_back(constants);
    }
    return wanted;
}

Storage StoredForms::target(NodeId id, const Constants& constants) const {
    return {.layout = facts_[id].layout,
            .factor = constants.factor,
            .shift = constants.shift,
            .equal_rows = facts_[id].equal_rows};
}

}  // namespace polyformer::compile
