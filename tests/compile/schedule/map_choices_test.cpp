// How the imaginary halves of a map's slots are used, and where they are free.
#include <gtest/gtest.h>

#include <algorithm>

#include "polyformer/compile/circuit/circuit.h"
#include "polyformer/compile/schedule/costs.h"

namespace polyformer::compile {
namespace {

using ckks::Pairing;

ckks::PeriodicDiagonals dense_map(std::size_t inputs, std::size_t outputs) {
    ckks::PeriodicDiagonals map{.period = 256, .inputs = inputs, .outputs = outputs, .blocks = {}};
    std::map<long, std::vector<double>> diagonals;
    for (long offset = -255; offset < 256; ++offset) diagonals[offset] = {};
    map.blocks.assign(outputs, std::vector<ckks::DiagonalBlock>(inputs, diagonals));
    return map;
}

Pairing best_pairing(const ckks::PeriodicDiagonals& map, bool real_inputs, int level = 10,
                     const CostModel& costs = {}) {
    const StepPrices prices(ckks::Parameters::create(ckks::presets::bootstrapping_65536()), costs);
    const std::vector<MapChoice> choices = map_choices(ckks::MapShape(map), real_inputs);
    return prices.best_choice(choices, map.period, level).map.pairing;
}

// Two products and a rotation, or one product, a conjugation and a rotation.
TEST(MapChoices, FollowThePricesOfTheMachine) {
    const ckks::PeriodicDiagonals map{.period = 4,
                                      .inputs = 1,
                                      .outputs = 1,
                                      .blocks = {{ckks::DiagonalBlock{{0, {1, 2, 3, 4}}, {1, {4, 3, 2, 1}}}}}};
    CostModel costs;
    EXPECT_EQ(best_pairing(map, true, 10, costs), Pairing::none);
    costs.product_word *= 1000;
    EXPECT_NE(best_pairing(map, true, 10, costs), Pairing::none);
    costs.key_word *= 1000;
    costs.ntt *= 1000;
    EXPECT_EQ(best_pairing(map, true, 10, costs), Pairing::none);
}

TEST(MapChoices, WideMapsPairOutputsAndNarrowingOnesPairToo) {
    EXPECT_EQ(best_pairing(dense_map(2, 8), true), Pairing::outputs);
    EXPECT_NE(best_pairing(dense_map(8, 1), true), Pairing::none);
    EXPECT_NE(best_pairing(dense_map(1, 1), true), Pairing::none);
}

TEST(MapChoices, NothingIsPairedWhereInputsAreComplexOrOneDiagonalIsAll) {
    EXPECT_EQ(best_pairing(dense_map(2, 8), false), Pairing::none);
    ckks::PeriodicDiagonals map{
        .period = 4, .inputs = 1, .outputs = 1, .blocks = {{ckks::DiagonalBlock{{0, {1, 1, 1, 1}}}}}};
    EXPECT_EQ(best_pairing(map, true), Pairing::none);
}

TEST(MapChoices, NeighboursThatAreMappedAlikeAreBothPaired) {
    ckks::PeriodicDiagonals map{.period = 4, .inputs = 2, .outputs = 2, .stride = 256, .blocks = {}};
    std::map<long, std::vector<double>> diagonals;
    for (long row = 0; row < 64; ++row) diagonals[256 * row] = {1, 0, 0, 1};
    map.blocks = {{diagonals, {}}, {{}, diagonals}};
    EXPECT_EQ(best_pairing(map, true), Pairing::both);
    diagonals[256] = {1, 0, 0, 2};
    map.blocks[1][1] = diagonals;
    EXPECT_NE(best_pairing(map, true), Pairing::both);
}

TEST(RealBundles, AreTheOnesWithoutScoresOrTheirWeights) {
    Circuit circuit;
    circuit.bundles.assign(9, {"", 1, true});
    const CombineGate turned{.outputs = {{{.input = 0}, {.input = 0, .rotation = 1, .quarter_turns = 1}}},
                             .addends = {}};
    const CombineGate real_part{.outputs = {{{.input = 0}}}, .doubled_real_part = true, .addends = {}};
    const CombineGate shifted{.outputs = {{{.input = 0, .quarter_turns = 2}}}, .addends = {}};
    circuit.gates.push_back({"", turned, {0}, {1}});
    circuit.gates.push_back({"", AttentionGate{}, {0, 1}, {2}});
    circuit.gates.push_back({"", SumGate{}, {0, 2}, {3}});
    circuit.gates.push_back({"", real_part, {3}, {4}});
    circuit.gates.push_back({"", PolynomialGate{{0, 1}, {}}, {4}, {5}});
    circuit.gates.push_back({"", PolynomialGate{{0, 1}, {ScoreMask{}}}, {4}, {6}});
    circuit.gates.push_back({"", shifted, {5}, {7}});
    circuit.gates.push_back({"", MapGate{}, {6}, {8}});
    EXPECT_EQ(real_bundles(circuit), (std::vector<bool>{true, false, false, false, true, true, false, true, false}));
}

}  // namespace
}  // namespace polyformer::compile
