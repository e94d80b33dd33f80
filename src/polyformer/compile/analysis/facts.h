// What is known of each node of a graph before it is lowered.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "polyformer/compile/layout/attention_layout.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/graph_shapes.h"

namespace polyformer::compile {

/// What a reader wants of a value.
enum class Role {
    linear,         ///< any layout and any constants: the map absorbs them
    elementwise,    ///< stored = value / bound, in the layout that all operands share
    term,           ///< of a sum that polynomials read: with the constants that the sum's readers want
    factor,         ///< as elementwise, of a product or sum whose other operand has more features
    shift,          ///< of scores: by head, for raw scores, any constants but no shift
    renamed,        ///< by ScaleFeatures alike for all features: the same slots with other constants
    mixed,          ///< any constants, in the layout that the result has
    polynomial,     ///< stored = u, the Chebyshev variable
    scores_behind,  ///< half of u, without its shift: for the imaginary half of scores
    query,
    key,
    value,
    attention  ///< scores, masked
};

/// One reader of a value.
struct Use {
    model::NodeId reader = 0;
    Role role = Role::linear;
};

/// A public prefix whose scores lie behind those of the text (prefixes.h).
struct PrefixFacts {
    model::NodeId shifted = 0;  ///< its scores, to be read with the text's
    model::NodeId weights = 0;  ///< what the polynomial makes of them
    std::size_t tokens = 0;
};

/// What is known of one node.
struct NodeFacts {
    model::Shape shape;
    Packing packing;
    bool equal_rows = false;  ///< one token only, the same in all rows of the packing
    std::vector<Use> uses;
    double bound = 1;                            ///< stored = value / bound; equal for all terms of a sum
    Layout layout;                               ///< of an activation
    AttentionLayout attention;                   ///< of scores: heads and lanes; head_width is the reader's to set
    bool by_head = false;                        ///< one number a head, in lanes of `attention`
    std::optional<PrefixFacts> prefix;           ///< of the text's weights, and of the polynomial that they are of
    std::optional<model::NodeId> behind_scores;  ///< of a prefix's nodes: these weights of the text have theirs behind
    bool loose = false;     ///< the bound is less than the greatest value: slots may leave [-1, 1] (weight_bounds.h)
    bool absorbed = false;  ///< ScaleFeatures that the maps behind it take up: it is never stored
    bool is_output = false;

    bool only(Role role) const;
};

/// factor · x + bias of all features alike, if that is all that a ScaleFeatures does, with factor other than 0.
struct SameScale {
    double factor = 1;
    double bias = 0;
};
std::optional<SameScale> same_scale(const model::ScaleFeatures& scale);

/// The part of `layout` that heads of `head_width` features fill.
AttentionLayout with_head_width(AttentionLayout layout, std::size_t head_width);

}  // namespace polyformer::compile
