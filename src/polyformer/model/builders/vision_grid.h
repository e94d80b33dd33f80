// How patches become tokens, stage by stage: in which order, and where their neighbours are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "polyformer/model/builders/vision_weights.h"

namespace polyformer::model {

/// Side of the square of patches that become one where a stage merges.
inline constexpr std::size_t kMergedSide = 2;

/// Whether a stage begins by merging patches of the one before it.
bool merges(const VisionStageWeights& stage);

/// Whether every patch of a stage attends to the whole grid.
bool has_one_window(const VisionStageWeights& stage);

/// The sides of blocks of patches in ImageInput::blocks that these stages need: windows and merges, in patches of the
/// first stage. Empty for a single stage that attends to the whole grid. Throws Error when they do not divide each
/// other.
std::vector<std::size_t> token_blocks(const VisionWeights& weights);

/// place[token] = row · columns + column on the grid of stage `stage`, in the order that its layers without a shift
/// see; windows and groups that merge are consecutive. A layer shifted by s has at `token` the patch that is s rows and
/// columns further on, cyclically. Throws Error as token_blocks() does.
std::vector<std::size_t> stage_order(const VisionWeights& weights, std::size_t stage);

/// Where tokens lie on a stage's grid, as layers see it that are shifted by `shift` rows and columns.
class Grid {
  public:
    Grid(const VisionStageWeights& stage, std::vector<std::size_t> order)
        : rows_(stage.rows), columns_(stage.columns), order_(std::move(order)) {}

    std::size_t tokens() const { return order_.size(); }

    /// For each token of a layer shifted by `to`, the token of a layer shifted by `from` that lies `down` rows and
    /// `right` columns away, or kNothing beyond the border.
    std::vector<std::int32_t> neighbours(std::size_t from, std::size_t to, long down, long right) const;

  private:
    std::size_t place(std::size_t token, std::size_t shift) const;

    std::size_t rows_;
    std::size_t columns_;
    std::vector<std::size_t> order_;
};

}  // namespace polyformer::model
