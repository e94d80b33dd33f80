// Disjoint sets of a graph's nodes: what has to share a bound, or a layout.
#pragma once

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "polyformer/model/graph/graph.h"

namespace polyformer::compile {

/// Disjoint sets of nodes; the least node of a set stands for it.
class Classes {
  public:
    explicit Classes(std::size_t count) : parent_(count) {
        std::iota(parent_.begin(), parent_.end(), model::NodeId{0});
    }

    model::NodeId find(model::NodeId id) const {
        while (parent_[id] != id) id = parent_[id];
        return id;
    }

    void join(model::NodeId a, model::NodeId b) {
        const auto [low, high] = std::minmax({find(a), find(b)});
        parent_[high] = low;
    }

    std::map<model::NodeId, std::vector<model::NodeId>> members() const {
        std::map<model::NodeId, std::vector<model::NodeId>> result;
        for (model::NodeId id = 0; id < parent_.size(); ++id) result[find(id)].push_back(id);
        return result;
    }

  private:
    std::vector<model::NodeId> parent_;
};

}  // namespace polyformer::compile
