#include "polyformer/compile/reports/stretch_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>

#include "polyformer/support/table.h"

namespace polyformer::compile {

namespace {

using Row = std::vector<std::string>;

constexpr std::size_t kMostListed = 24;

/// "layers.12.attention" → "layers.*.attention".
std::string without_layer(const std::string& step) {
    constexpr std::string_view kLayer = "layers.";
    if (!step.starts_with(kLayer)) return step;
    const std::size_t end = step.find_first_not_of("0123456789", kLayer.size());
    return end == std::string::npos ? step : "layers.*" + step.substr(end);
}

/// The least and the greatest of some numbers: "4", or "4-6".
class Range {
  public:
    void add(int value) {
        least_ = std::min(least_, value);
        greatest_ = std::max(greatest_, value);
    }
    std::string text() const {
        return least_ == greatest_ ? fmt::format("{}", least_) : fmt::format("{}-{}", least_, greatest_);
    }

  private:
    int least_ = std::numeric_limits<int>::max();
    int greatest_ = std::numeric_limits<int>::min();
};

/// One polynomial of each layer.
struct Uses {
    std::string node;
    Range depth;
    Range room;
};

/// Stretches that share a line.
struct Group {
    std::string first;
    std::size_t stretches = 0;
    std::set<std::string> last{};
    Range levels{};
    Range used{};
    Range kept{};
    Range slack{};
    std::vector<Uses> polynomials{};

    void add(const Stretch& stretch, const std::string& last_step) {
        ++stretches;
        last.insert(last_step);
        levels.add(stretch.levels);
        used.add(stretch.used);
        kept.add(stretch.kept);
        slack.add(stretch.slack);
    }
    void add(const PolynomialUse& use, const std::string& node) {
        auto found = std::ranges::find(polynomials, node, &Uses::node);
        if (found == polynomials.end()) found = polynomials.insert(polynomials.end(), {node, {}, {}});
        found->depth.add(use.depth);
        found->room.add(use.room);
    }
    Row row(const std::string& name) const {
        std::string all;
        for (const Uses& use : polynomials) {
            all += fmt::format("{}{} {} ({})", all.empty() ? "" : ", ", use.node, use.depth.text(), use.room.text());
        }
        return {name,          first,       last.size() == 1 ? *last.begin() : "several",
                levels.text(), used.text(), kept.text(),
                slack.text(),  all};
    }
};

}  // namespace

std::string stretch_table(const std::vector<Stretch>& stretches) {
    const bool grouped = stretches.size() > kMostListed;
    const auto name = [&](const std::string& step) { return grouped ? without_layer(step) : step; };
    std::vector<Group> groups;
    for (const Stretch& stretch : stretches) {
        const std::string first = name(stretch.first);
        auto group = std::ranges::find(groups, first, &Group::first);
        if (!grouped || group == groups.end()) group = groups.insert(groups.end(), Group{.first = first});
        group->add(stretch, name(stretch.last));
        for (const PolynomialUse& use : stretch.polynomials) group->add(use, name(use.node));
    }
    std::vector<Row> table{{grouped ? "stretches" : "stretch", "first step", "last step", "levels", "used", "kept",
                            "slack", "polynomials: depth (room)"}};
    for (const Group& group : groups) {
        table.push_back(group.row(fmt::format("{}", grouped ? group.stretches : table.size())));
    }
    return format_table(table);
}

}  // namespace polyformer::compile
