// What has been produced of each node, and how it is stored: readers ask for a form, and what is missing is made.
#pragma once

#include <optional>
#include <vector>

#include "polyformer/compile/analysis/facts.h"
#include "polyformer/compile/circuit/circuit_builder.h"
#include "polyformer/compile/layout/attention_layout.h"
#include "polyformer/compile/layout/packing.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// u = (2x − lower − upper) / (upper − lower).
Constants chebyshev_variable(const model::Polynomial& polynomial);

/// The constants of what a scale reads when the result has these.
Constants before_scale(const SameScale& scale, const Constants& behind);

/// The forms of all nodes so far. The first of a node is its producer's own.
class StoredForms {
  public:
    /// All three must outlive this.
    StoredForms(const model::Graph& graph, const std::vector<NodeFacts>& facts, CircuitBuilder& builder)
        : graph_(graph), facts_(facts), builder_(builder), forms_(facts.size()), raw_scores_(facts.size()) {}

    /// Where slots may leave [-1, 1] the form is not bootstrapped, unless a polynomial reads it.
    void add(model::NodeId id, const Stored& form);
    /// Complex, before lanes are masked and a bias (model::AttentionScores; it must outlive this) is added.
    struct RawScores {
        Stored stored;
        const model::Matrix* bias = nullptr;
    };
    void add_raw_scores(model::NodeId id, const RawScores& raw) { raw_scores_[id] = raw; }
    const std::optional<RawScores>& raw_scores(model::NodeId id) const { return raw_scores_[id]; }
    const std::vector<Stored>& all(model::NodeId id) const { return forms_[id]; }

    /// Any form: for linear maps, which absorb constants and partial sums.
    Stored readable(model::NodeId id) const { return forms_[id].front(); }
    /// stored = value / bound, in the node's layout.
    Stored natural(model::NodeId id) { return stored(id, {1 / facts_[id].bound, 0}); }
    /// With these constants, in the node's layout.
    Stored stored(model::NodeId id, const Constants& wanted);
    /// With any constants, in the node's layout.
    Stored laid_out(model::NodeId id);
    /// In a layout that attention wants, without a shift.
    Stored in_layout(model::NodeId id, const Layout& layout);
    /// The same with nothing elsewhere, where numbers by head lie.
    Stored alone_in_layout(model::NodeId id, const Layout& layout);
    /// A value of so many heads that is also a query or a key may lie as one: the skew picks the lower lanes.
    Stored value_of(model::NodeId id, const AttentionLayout& heads, std::size_t blocks);

    /// Whether `sum` reads a node as a term, stored as the sum's readers want it; and whether this one takes the shift.
    bool is_term(model::NodeId id, model::NodeId sum) const;
    bool takes_shift(model::NodeId id, model::NodeId sum) const;

    /// The constants that readers of a node ask of its producer.
    std::vector<Constants> wanted(model::NodeId id) const;
    /// What a scale alike for all features makes of what it reads: the same slots, as they were stored for it with
    /// these constants, or else with any.
    Stored renamed(model::NodeId id, const SameScale& scale, const Constants& wanted) const;
    /// A node's own layout, with these constants.
    Storage target(model::NodeId id, const Constants& constants) const;

  private:
    /// The scores of a public prefix that belong behind these, if there is one.
    std::optional<Stored> behind(model::NodeId id) const;

    const model::Graph& graph_;
    const std::vector<NodeFacts>& facts_;
    CircuitBuilder& builder_;
    std::vector<std::vector<Stored>> forms_;
    std::vector<std::optional<RawScores>> raw_scores_;
};

}  // namespace polyformer::compile
