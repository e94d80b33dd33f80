#include "polyformer/compile/lowering/stored_forms.h"

#include <algorithm>

#include "polyformer/compile/gates/attention_gates.h"

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
        result = parted_scores(builder_, facts.attention, raw_scores_[id]->stored, *raw_scores_[id]->bias, wanted,
                               behind(id));
    } else if (facts.shape.scores) {
        result = builder_.affine(readable(id), wanted, score_masks(facts.attention, score_lanes(facts.attention)));
    } else if (readable(id).storage.layout != facts.layout) {
        result = builder_.map(identity_map(facts.shape.features), readable(id), target(id, wanted));
    } else {
        result = builder_.affine(readable(id), wanted, layout_masks(facts.layout));
    }
    add(id, result);
    return result;
}

void StoredForms::add(NodeId id, const Stored& form) {
    if (facts_[id].loose && form.storage.shift == 0) builder_.circuit.bundles[form.bundle].can_bootstrap = false;
    forms_[id].push_back(form);
}

std::optional<Stored> StoredForms::behind(NodeId id) const {
    const std::optional<PrefixFacts>& prefix = facts_[facts_[id].uses.front().reader].prefix;
    return prefix ? std::optional(readable(prefix->shifted)) : std::nullopt;
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

Stored StoredForms::alone_in_layout(NodeId id, const Layout& layout) {
    Stored found = in_layout(id, layout);
    if (found.storage.zero_elsewhere || !facts_[id].by_head) return found;
    const Stored alone = builder_.affine(found, {found.storage.factor, 0}, layout_masks(layout));
    if (facts_[id].loose) builder_.circuit.bundles[alone.bundle].can_bootstrap = false;
    return alone;
}

Stored StoredForms::value_of(NodeId id, const AttentionLayout& heads, std::size_t blocks) {
    for (const Stored& form : forms_[id]) {
        if (form.storage.layout == heads.key(blocks) && form.storage.shift == 0) return form;
    }
    return in_layout(id, heads.value(blocks));
}

Constants before_scale(const SameScale& scale, const Constants& behind) {
    return {behind.factor * scale.factor, behind.factor * scale.bias + behind.shift};
}

bool StoredForms::is_term(NodeId id, NodeId sum) const {
    return std::ranges::any_of(facts_[id].uses,
                               [&](const Use& use) { return use.reader == sum && use.role == Role::term; });
}

bool StoredForms::takes_shift(NodeId id, NodeId sum) const {
    const auto& add = std::get<model::Add>(graph_.nodes[sum].operation);
    return id == add.left || !is_term(add.left, sum);
}

std::vector<Constants> StoredForms::wanted(NodeId id) const {
    const NodeFacts& facts = facts_[id];
    std::vector<Constants> wanted;
    const auto want = [&](const Constants& constants) {
        if (std::ranges::find(wanted, constants) == wanted.end()) wanted.push_back(constants);
    };
    const bool natural = facts.is_output || std::ranges::any_of(facts.uses, [](const Use& use) {
                             return use.role != Role::polynomial && use.role != Role::renamed &&
                                    use.role != Role::term && use.role != Role::scores_behind;
                         });
    if (natural) want({1 / facts.bound, 0});
    for (const Use& use : facts.uses) {
        const model::Operation& reader = graph_.nodes[use.reader].operation;
        if (use.role == Role::polynomial) want(chebyshev_variable(std::get<model::Apply>(reader).polynomial));
        if (use.role == Role::scores_behind) {
            want({chebyshev_variable(std::get<model::Apply>(reader).polynomial).factor / 2, 0});
        }
        if (use.role == Role::term) {
            for (const Constants& constants : this->wanted(use.reader)) {
                want({constants.factor, takes_shift(id, use.reader) ? constants.shift : 0});
            }
        }
        if (use.role != Role::renamed) continue;
        const SameScale scale = *same_scale(std::get<model::ScaleFeatures>(reader));
        for (const Constants& constants : this->wanted(use.reader)) want(before_scale(scale, constants));
    }
    return wanted;
}

Stored StoredForms::renamed(NodeId id, const SameScale& scale, const Constants& wanted) const {
    const NodeId input = model::inputs_of(graph_.nodes[id].operation).front();
    const Constants source = before_scale(scale, wanted);
    for (Stored form : forms_[input]) {
        if (form.storage.factor != source.factor || form.storage.shift != source.shift) continue;
        form.storage.factor = wanted.factor;
        form.storage.shift = wanted.shift;
        return form;
    }
    Stored form = readable(input);
    form.storage.shift -= form.storage.factor * scale.bias / scale.factor;
    form.storage.factor /= scale.factor;
    return form;
}

Storage StoredForms::target(NodeId id, const Constants& constants) const {
    return {.layout = facts_[id].layout,
            .factor = constants.factor,
            .shift = constants.shift,
            .equal_rows = facts_[id].equal_rows};
}

}  // namespace polyformer::compile
