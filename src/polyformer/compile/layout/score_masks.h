// Which slots of a ciphertext of scores mean something, and what attention weighs them with or adds to them.
#pragma once

#include <complex>
#include <cstddef>
#include <memory>
#include <vector>

#include "polyformer/compile/layout/attention_layout.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// The positions of each head that hold scores: the lower or the upper half of its 2·lanes, or all of them.
enum class Lanes { lower, upper, all };

/// Where a layout has scores.
Lanes score_lanes(const AttentionLayout& layout);

/// 1 at those positions of heads that exist, 0 elsewhere: (F) for the group.
std::vector<double> lane_mask(const AttentionLayout& layout, std::size_t group, Lanes lanes);

/// What each score of one ciphertext weighs, for texts of any lengths: a plan holds the rule, and the executor makes
/// the mask when it knows how long they are.
struct ScoreMask {
    AttentionLayout heads;
    std::size_t group = 0;    ///< 0 ≤ group < heads.groups
    std::size_t block = 0;    ///< 0 ≤ block < heads.blocks
    std::size_t context = 0;  ///< tokens of a text at most, at least 1
    bool causal = false;
    /// (H·context, W), row h·context + q, over the largest |weight|; null: every key that may be seen weighs 1.
    std::shared_ptr<const model::Matrix> weights = nullptr;
    bool root = false;      ///< the mask is for what will be squared
    bool averages = false;  ///< every weight is divided by the number of keys that the query sees
    /// So many scores of a public prefix stand behind those of paired heads (AttentionLayout::behind_scores): each
    /// weighs i for every query.
    std::size_t prefix = 0;
};

/// The mask for texts of these lengths, each from 1 to the context: weights of the lower lanes as real parts, those of
/// the upper lanes as imaginary parts, 0 in all other slots and wherever no key of the text lies. Rows beyond a text,
/// which repeat it, weigh the very keys that the rows they repeat do, and so stay copies of them; with windows they
/// weigh nothing. Of the shortest period that it has, at most all slots.
std::vector<std::complex<double>> score_mask(const ScoreMask& mask, const Lengths& lengths);

/// What weights of scores are divided by in a ScoreMask; 1 for none.
double largest_weight(const model::Matrix& weights);

/// What window_mask() is for: scores as they lie, those of the lower lanes, or those of the upper ones moved down.
enum class Halves { all, lower, upper_moved_down };

/// 1 where a query meets a key of its own window, 0 elsewhere, in the lower lanes only unless for all. Length T·B·F.
/// Needs a layout with a window.
std::vector<double> window_mask(const AttentionLayout& layout, std::size_t group, std::size_t block, Halves halves);

/// factor · bias[h, q mod W, k] + shift wherever a score lies, 0 elsewhere; for context tokens, those beyond being
/// copies of the first. `bias` as in model::AttentionScores, not empty. Length T·B·F.
std::vector<double> score_addend(const AttentionLayout& layout, std::size_t group, std::size_t block,
                                 const model::Matrix& bias, double factor, double shift);

}  // namespace polyformer::compile
