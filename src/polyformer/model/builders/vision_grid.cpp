#include "polyformer/model/builders/vision_grid.h"

#include <algorithm>

#include "polyformer/model/images/image_input.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

/// Side of a stage's patches in patches of the first stage. Throws where grids do not follow from each other.
std::size_t unit_of(const VisionWeights& weights, std::size_t stage) {
    std::size_t unit = 1;
    for (std::size_t s = 0; s <= stage; ++s) {
        const VisionStageWeights& current = weights.stages[s];
        require(current.rows > 0 && current.columns > 0, "stage {} has a grid of {} × {} patches; both must be above 0",
                s, current.rows, current.columns);
        if (s == 0) {
            require(!merges(current), "the first stage merges patches, but there is no stage before it");
            continue;
        }
        const VisionStageWeights& before = weights.stages[s - 1];
        const std::size_t side = merges(current) ? kMergedSide : 1;
        require(before.rows == current.rows * side && before.columns == current.columns * side,
                "stage {} has a grid of {} × {} patches, but that of the stage before it is {} × {}{}", s, current.rows,
                current.columns, before.rows, before.columns,
                merges(current) ? ", of which 2 × 2 become one" : " and nothing is merged");
        unit *= side;
    }
    return unit;
}

}  // namespace

bool merges(const VisionStageWeights& stage) {
    return !stage.merge.weight.values.empty();
}

bool has_one_window(const VisionStageWeights& stage) {
    return stage.window == 0 || (stage.window == stage.rows && stage.window == stage.columns);
}

std::vector<std::size_t> token_blocks(const VisionWeights& weights) {
    std::vector<std::size_t> blocks;
    for (std::size_t s = 0; s < weights.stages.size(); ++s) {
        const std::size_t unit = unit_of(weights, s);
        blocks.push_back(unit);
        if (!has_one_window(weights.stages[s])) blocks.push_back(unit * weights.stages[s].window);
    }
    std::ranges::sort(blocks);
    blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    std::erase(blocks, std::size_t{1});
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        require(blocks[i] % blocks[i - 1] == 0,
                "windows and merges need blocks of {} × {} patches made of blocks of {} × {}, which do not divide them",
                blocks[i], blocks[i], blocks[i - 1], blocks[i - 1]);
    }
    return blocks;
}

std::vector<std::size_t> stage_order(const VisionWeights& weights, std::size_t stage) {
    require(stage < weights.stages.size(), "there is no stage {}: there are {}", stage, weights.stages.size());
    const std::size_t unit = unit_of(weights, stage);
    std::vector<std::size_t> blocks;
    for (const std::size_t side : token_blocks(weights)) {
        if (side > unit) blocks.push_back(side / unit);
    }
    return token_order(weights.stages[stage].rows, weights.stages[stage].columns, blocks);
}

std::vector<std::int32_t> Grid::neighbours(std::size_t from, std::size_t to, long down, long right) const {
    std::vector<std::int32_t> token_at(tokens());
    for (std::size_t t = 0; t < tokens(); ++t) token_at[place(t, from)] = static_cast<std::int32_t>(t);
    std::vector<std::int32_t> result;
    for (std::size_t t = 0; t < tokens(); ++t) {
        const std::size_t centre = place(t, to);
        const long row = static_cast<long>(centre / columns_) + down;
        const long column = static_cast<long>(centre % columns_) + right;
        const bool inside =
            row >= 0 && column >= 0 && row < static_cast<long>(rows_) && column < static_cast<long>(columns_);
        result.push_back(inside ? token_at[static_cast<std::size_t>(row) * columns_ + static_cast<std::size_t>(column)]
                                : MixTokens::kNothing);
    }
    return result;
}

std::size_t Grid::place(std::size_t token, std::size_t shift) const {
    const std::size_t row = (order_[token] / columns_ + shift) % rows_;
    const std::size_t column = (order_[token] % columns_ + shift) % columns_;
    return row * columns_ + column;
}

}  // namespace polyformer::model
