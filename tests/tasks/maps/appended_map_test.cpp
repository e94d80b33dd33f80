#include "polyformer/tasks/maps/appended_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/support/error.h"

namespace polyformer::tasks {
namespace {

TEST(AppendedMap, ReadsTheVector) {
    model::Graph encoder{.context = 3, .width = 2, .vocabulary = 2, .nodes = {}};
    encoder.nodes.push_back({"input", model::Input{}, 1});
    encoder.nodes.push_back({"pooling", model::TokenMean{0}, 1});
    const model::Matrix weight{2, 3, {1, 2, 3, 4, 5, 6}};
    const model::Graph graph = with_map_behind(encoder, "logits", weight, {0, 1, 0}, 50);
    EXPECT_EQ(graph.vocabulary, 3U);
    EXPECT_EQ(graph.nodes.back().bound, 50);
    const model::Tensor logits = model::evaluate(graph, {2, 2, {1, 0, 3, 2}}).logits;
    EXPECT_THAT(logits.values, testing::ElementsAre(6, 10, 12));
    EXPECT_THROW(with_map_behind(graph, "logits", {3, 1, {1, 1, 1}}, {}, 1), Error);  // there is such a node
    encoder.nodes.pop_back();
    EXPECT_THROW(with_map_behind(encoder, "logits", weight, {0, 1, 0}, 50), Error);  // a vector for each token
}

}  // namespace
}  // namespace polyformer::tasks
