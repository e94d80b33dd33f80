#include "polyformer/model/graph/graph.h"

#include <limits>

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_shapes.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

template <class Change>
void expect_invalid(const Change& change, const std::vector<std::string>& parts) {
    Graph graph = small_graph();
    change(graph);
    expect_error<Error>([&] { validate(graph); }, parts);
}

Linear& affine(Graph& graph) {
    return std::get<Linear>(graph.nodes[1].operation);
}
Polynomial& square(Graph& graph) {
    return std::get<Apply>(graph.nodes[2].operation).polynomial;
}

/// Self-attention over the input with two heads; activation between scores and values.
Graph attention_graph() {
    Graph graph{.context = 3, .width = 4, .vocabulary = 4, .nodes = {}};
    append(graph, "input", Input{});
    append(graph, "scores", AttentionScores{0, 0, 2, 0.5});
    append(graph, "activation", Apply{1, {-1, 1, {0, 1}}, ""});
    append(graph, "logits", AttentionValues{2, 0, 2, true, unit_mask(2, 3, true)});
    return graph;
}

TEST(Graph, SoundGraphsPass) {
    EXPECT_NO_THROW(validate(small_graph()));
    EXPECT_NO_THROW(validate(attention_graph()));
}

TEST(Graph, ShapesFollowTheOperations) {
    const std::vector<Shape> expected{{false, 4, 3}, {true, 2, 3, 3}, {true, 2, 3, 3}, {false, 4, 3}};
    EXPECT_EQ(shapes_of(attention_graph()), expected);
}

TEST(Graph, OneFeatureBroadcasts) {
    Graph graph{.context = 1, .width = 5, .vocabulary = 5, .nodes = {}};
    append(graph, "input", Input{});
    append(graph, "mean", FeatureMean{0});
    append(graph, "left", Multiply{1, 0});
    append(graph, "right", Multiply{2, 1});
    EXPECT_EQ(shapes_of(graph), (std::vector<Shape>{{false, 5, 1}, {false, 1, 1}, {false, 5, 1}, {false, 5, 1}}));
}

TEST(Graph, ForwardReferencesAndCyclesAreRefused) {
    expect_invalid([](Graph& g) { affine(g).input = 3; }, {"node 1 ('affine')", "node 3", "does not come before it"});
    expect_invalid([](Graph& g) { affine(g).input = 1; }, {"node 1 ('affine')", "without cycles"});
    expect_invalid([](Graph& g) { affine(g).input = 1000; }, {"reads node 1000"});
}

TEST(Graph, ShapesThatDoNotFitAreRefused) {
    expect_invalid([](Graph& g) { g.width = 3; }, {"'affine'", "(2, 2)", "'input' is (3, 3)"});
    expect_invalid([](Graph& g) { affine(g).weight.values.pop_back(); }, {"'affine'", "3 values", "needs 4"});
    expect_invalid([](Graph& g) { affine(g).bias.pop_back(); }, {"'affine'", "bias has 1 entries"});
    expect_invalid(
        [](Graph& g) {
            affine(g) = {0, {2, 3, std::vector<float>(6)}, {}};
            g.nodes[3].operation = Add{1, 0};
        },
        {"'logits'", "cannot add (3, 3) ('affine') and (3, 2) ('input')"});
    expect_invalid(
        [](Graph& g) {
            affine(g) = {0, {2, 3, std::vector<float>(6)}, {}};
            g.nodes[3].operation = Multiply{2, 0};
        },
        {"'logits'", "cannot multiply (3, 3)"});
    expect_invalid([](Graph& g) { g.vocabulary = 7; }, {"'logits' is (3, 2)", "(3, 7) or (1, 7)"});
}

TEST(Graph, AttentionThatDoesNotFitIsRefused) {
    Graph heads = attention_graph();
    std::get<AttentionScores>(heads.nodes[1].operation).heads = 3;
    expect_error<Error>([&] { validate(heads); }, {"'scores'", "4 features do not divide into 3 heads"});
    Graph none = attention_graph();
    std::get<AttentionScores>(none.nodes[1].operation).heads = 0;
    expect_error<Error>([&] { validate(none); }, {"into 0 heads"});
    Graph other = attention_graph();
    std::get<AttentionValues>(other.nodes[3].operation).heads = 4;
    expect_error<Error>([&] { validate(other); },
                        {"'activation' is scores of 2 heads", "scores of 4 heads over 3 tokens are needed"});
    Graph mask = attention_graph();
    std::get<AttentionValues>(mask.nodes[3].operation).mask.rows = 3;
    expect_error<Error>([&] { validate(mask); }, {"the mask is (3, 3) with 18 values", "(6, 3) is needed", "2 heads"});
    Graph later = attention_graph();
    std::get<AttentionValues>(later.nodes[3].operation).mask.values[3 * 3 + 2] = 0.5F;
    expect_error<Error>([&] { validate(later); }, {"head 1 lets query 0 see key 2 with weight 0.5", "causal"});
    Graph mean = attention_graph();
    mean.nodes[2].operation = FeatureMean{1};
    expect_error<Error>([&] { validate(mean); }, {"'activation'", "must be an activation", "scores of 2 heads"});
}

TEST(Graph, NumbersMustBeFinite) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    expect_invalid([&](Graph& g) { affine(g).weight.values[2] = nan; }, {"'affine'", "weight", "nan at index 2"});
    expect_invalid([&](Graph& g) { affine(g).bias[1] = -INFINITY; }, {"'affine'", "bias", "-inf at index 1"});
    expect_invalid([&](Graph& g) { square(g).coefficients[2] = INFINITY; }, {"'square'", "inf at index 2"});
    expect_invalid([&](Graph& g) { g.nodes[3].bound = nan; }, {"'logits'", "bound is nan"});
    expect_invalid([&](Graph& g) { g.nodes[3].bound = 0; }, {"'logits'", "bound is 0"});
}

TEST(Graph, IntervalsMustNotBeEmpty) {
    expect_invalid([](Graph& g) { square(g).lower = 1; }, {"'square'", "interval [1, 1] is empty"});
    expect_invalid([](Graph& g) { square(g).lower = 2; }, {"'square'", "interval [2, 1] is empty"});
    expect_invalid([](Graph& g) { square(g).upper = NAN; }, {"'square'", "[-1, nan]"});
    expect_invalid([](Graph& g) { square(g) = {0, 5e-324, {1}}; }, {"'square'", "too short"});
    expect_invalid([](Graph& g) { square(g) = {-1.5e308, 1.5e308, {1}}; }, {"'square'", "too long"});
    expect_invalid([](Graph& g) { square(g).coefficients.clear(); }, {"'square'", "no coefficients"});
}

TEST(Graph, NamesAndUsesAreChecked) {
    expect_invalid([](Graph& g) { g.nodes[2].name = "affine"; }, {"two nodes are named 'affine'"});
    expect_invalid([](Graph& g) { g.nodes[2].name.clear(); }, {"node 2", "name"});
    expect_invalid([](Graph& g) { g.nodes[2].name = "a\nb"; }, {"node 2", "name"});
    expect_invalid([](Graph& g) { g.nodes[3].operation = Add{1, 1}; }, {"'square' is used by no other node"});
    expect_invalid([](Graph& g) { g.nodes[1].operation = Input{}; }, {"node 1", "must be the input"});
    expect_invalid([](Graph& g) { g.nodes[0].operation = Linear{}; }, {"node 0", "must be the input"});
}

TEST(Graph, AbsurdSizesAreRefused) {
    expect_invalid([](Graph& g) { g.context = 65537; }, {"65537", "65536"});
    expect_invalid([](Graph& g) { g.context = 0; }, {"context of 0"});
    expect_invalid([](Graph& g) { g.width = (1 << 20) + 1; }, {"1048577", "1048576"});
    expect_invalid([](Graph& g) { g.vocabulary = 1 << 21; }, {"2097152", "1048576"});
    expect_invalid([](Graph& g) { g.nodes.resize(100001); }, {"100001", "100000"});
    expect_invalid([](Graph& g) { square(g).coefficients.resize(65537); }, {"65537", "65536"});
    expect_invalid([](Graph& g) { g.nodes.clear(); }, {"0 nodes"});
}

TEST(Fingerprint, ChangesWithEveryPartOfTheGraph) {
    const std::string original = fingerprint(small_graph());
    EXPECT_EQ(original.size(), 64U);
    EXPECT_EQ(original, fingerprint(small_graph()));
    const auto changed = [&](auto change) {
        Graph graph = small_graph();
        change(graph);
        return fingerprint(graph) != original;
    };
    EXPECT_TRUE(changed([](Graph& g) { g.context = 4; }));
    EXPECT_TRUE(changed([](Graph& g) { g.nodes[1].name = "affinity"; }));
    EXPECT_TRUE(changed([](Graph& g) { g.nodes[1].bound = 9.5; }));
    EXPECT_TRUE(changed([](Graph& g) { affine(g).weight.values[1] = 1e-30F; }));
    EXPECT_TRUE(changed([](Graph& g) { affine(g).bias.clear(); }));
    EXPECT_TRUE(changed([](Graph& g) { square(g).upper += 1e-15; }));
    EXPECT_TRUE(changed([](Graph& g) { square(g).coefficients.push_back(0); }));
    EXPECT_TRUE(changed([](Graph& g) { g.nodes[3].operation = Multiply{2, 1}; }));
    EXPECT_TRUE(changed([](Graph& g) { g.nodes[3].operation = Add{1, 2}; }));
}

}  // namespace
}  // namespace polyformer::model
