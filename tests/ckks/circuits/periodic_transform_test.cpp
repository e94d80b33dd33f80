#include "polyformer/ckks/circuits/periodic_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/support/error.h"
#include "tests/ckks/circuits/map_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

TEST(PeriodicDiagonals, AgreesWithPlainVectors) {
    const Parameters& parameters = map_scheme().parameters();
    PeriodicDiagonals map{.period = 16, .inputs = 2, .outputs = 3, .stride = 1, .baby = 4, .blocks = {}};
    const std::vector<long> offsets{-15, -9, -4, -1, 0, 1, 6, 13};
    map.blocks.assign(3, std::vector<DiagonalBlock>(2));
    unsigned seed = 0;
    for (const auto& [output, input] : {std::pair{0, 0}, std::pair{0, 1}, std::pair{1, 1}}) {
        std::map<long, std::vector<double>> diagonals;
        for (const long offset : offsets) {
            if (output == 1 && offset < 0) continue;  // an output that needs fewer giant steps
            diagonals[offset] = random_reals(16, ++seed);
        }
        map.blocks[output][input] = {diagonals, 0.125};
    }
    const int level = 4;
    const KeyRequest request = map.key_request(parameters, level);
    EXPECT_THAT(steps_of(request), ::testing::ElementsAre(1, 2, 3, 4, 12, 1024 - 16, 1024 - 12, 1024 - 4));
    EXPECT_FALSE(request.relinearisation_level);
    const Evaluator evaluator = map_scheme().evaluator(request);

    const std::vector<std::vector<Complex>> x{random_values(1024, 8), random_values(1024, 9)};
    const std::vector<Ciphertext> inputs{map_scheme().encrypt(x[0], level), map_scheme().encrypt(x[1], level)};
    const std::vector<Ciphertext> outputs = apply_periodic(evaluator, map, inputs);
    ASSERT_THAT(outputs, SizeIs(3));
    for (std::size_t output = 0; output < 3; ++output) {
        std::vector<Complex> expected(1024);
        for (std::size_t input = 0; input < 2; ++input)
            accumulate(diagonals_of(map.blocks[output][input]), x[input], expected);
        EXPECT_EQ(outputs[output].level, level - 1);
        EXPECT_DOUBLE_EQ(outputs[output].scale, parameters.scale(level - 1));
        EXPECT_GT(map_scheme().bits(outputs[output], expected), 22) << output;
    }
}

/// A real map of 16 positions, some of whose blocks lack some diagonals or all.
PeriodicDiagonals sparse_map(std::size_t inputs, std::size_t outputs) {
    PeriodicDiagonals map{.period = 16, .inputs = inputs, .outputs = outputs, .stride = 1, .baby = 4, .blocks = {}};
    map.blocks.assign(outputs, std::vector<DiagonalBlock>(inputs));
    unsigned seed = 0;
    for (std::size_t output = 0; output < outputs; ++output) {
        for (std::size_t input = 0; input < inputs; ++input) {
            if (output == 1 && input == 0) continue;
            std::map<long, std::vector<double>> diagonals;
            for (const long offset : {-15L, -9L, -4L, -1L, 0L, 1L, 3L, 6L, 13L}) {
                if ((output + input) % 2 == 1 && offset < 0) continue;
                diagonals[offset] = random_reals(16, ++seed);
            }
            map.blocks[output][input] = {diagonals, 0.125};
        }
    }
    return map;
}

/// The map on ciphertexts, with exactly the keys that it asks for, against the map on plain vectors.
void expect_agreement(const PeriodicDiagonals& map) {
    const int level = 4;
    const Evaluator evaluator = map_scheme().evaluator(map.key_request(map_scheme().parameters(), level));
    std::vector<std::vector<Complex>> x;
    std::vector<Ciphertext> inputs;
    for (std::size_t input = 0; input < map.inputs; ++input) {
        x.push_back(as_complex(random_reals(1024, static_cast<unsigned>(100 + input))));
        inputs.push_back(map_scheme().encrypt(x.back(), level));
    }
    const std::vector<Ciphertext> outputs = apply_periodic(evaluator, map, inputs);
    ASSERT_THAT(outputs, SizeIs(map.outputs));
    for (std::size_t output = 0; output < map.outputs; ++output) {
        std::vector<Complex> expected(1024);
        for (std::size_t input = 0; input < map.inputs; ++input) {
            accumulate(diagonals_of(map.blocks[output][input]), x[input], expected);
        }
        EXPECT_EQ(outputs[output].level, level - 1);
        EXPECT_DOUBLE_EQ(outputs[output].scale, map_scheme().parameters().scale(level - 1));
        EXPECT_GT(map_scheme().bits(outputs[output], expected), 21) << output;
    }
}

TEST(PeriodicDiagonals, PairsOfOutputsAndOfInputsGiveTheSame) {
    for (const auto& [inputs, outputs] : {std::pair{1, 1}, {2, 4}, {3, 1}, {3, 2}, {1, 9}}) {
        PeriodicDiagonals map = sparse_map(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
        for (const int baby : {1, 4}) {
            map.baby = baby;
            for (const Pairing pairing : {Pairing::outputs, Pairing::inputs}) {
                map.pairing = pairing;
                SCOPED_TRACE(::testing::Message() << inputs << " to " << outputs << ", baby steps " << baby
                                                  << ", pairing " << static_cast<int>(pairing));
                expect_agreement(map);
            }
        }
    }
}

TEST(PeriodicDiagonals, WithFewerKeysGivesTheSame) {
    for (const auto& [inputs, outputs] : {std::pair{1, 1}, {3, 5}}) {
        PeriodicDiagonals map = sparse_map(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
        for (const int baby : {1, 4, 8}) {
            map.baby = baby;
            for (const KeySaving saving : {KeySaving{1, true}, KeySaving{2, false}, KeySaving{4, true}}) {
                map.saving = saving;
                for (const Pairing pairing : {Pairing::none, Pairing::outputs, Pairing::inputs}) {
                    map.pairing = pairing;
                    SCOPED_TRACE(::testing::Message()
                                 << inputs << " to " << outputs << ", baby steps " << baby << " by " << saving.inner
                                 << ", Horner " << saving.horner << ", pairing " << static_cast<int>(pairing));
                    expect_agreement(map);
                }
            }
        }
    }
}

TEST(PeriodicDiagonals, GiantStepsFarFromZeroGoToTheNearestFirst) {
    for (const long sign : {1L, -1L}) {
        PeriodicDiagonals map{.period = 1, .inputs = 1, .outputs = 2, .stride = 4, .baby = 2, .blocks = {}};
        map.saving.horner = true;
        map.blocks = {{DiagonalBlock{{sign * 64, {0.5}}, {sign * 68, {0.25}}, {sign * 80, {-0.25}}, {sign * 96, {1}}}},
                      {DiagonalBlock{{sign * 64, {0.5}}}}};
        // From 96 down by 16 at a time, and then by 64.
        if (sign > 0) {
            EXPECT_THAT(steps_of(map.key_request(map_scheme().parameters(), 4)), ::testing::ElementsAre(4, 16, 64));
        }
        expect_agreement(map);
    }
}

TEST(PeriodicDiagonals, PairsThatAreMappedAlikeGiveTheSame) {
    for (const std::size_t count : {std::size_t{2}, std::size_t{5}}) {
        PeriodicDiagonals map = sparse_map(count, count);
        map.pairing = Pairing::both;
        for (std::size_t output = 0; output < count; ++output) {
            for (std::size_t input = 0; input < count; ++input) {
                if (input != output) map.blocks[output][input] = {};
            }
            map.blocks[output][output] = map.blocks[output / 2 * 2][output / 2 * 2];
        }
        SCOPED_TRACE(count);
        expect_agreement(map);
    }
}

TEST(PeriodicDiagonals, RefusesToPairWhatIsNotMappedAlike) {
    PeriodicDiagonals map = sparse_map(2, 2);
    map.pairing = Pairing::both;
    EXPECT_THAT([&] { map.key_request(map_scheme().parameters(), 2); },
                ThrowsMessage<Error>(HasSubstr("cannot both be paired")));
}

TEST(PeriodicDiagonals, FullPeriodAndStride) {
    const Parameters& parameters = map_scheme().parameters();
    PeriodicDiagonals map{.period = 1024, .inputs = 1, .outputs = 1, .stride = 64, .baby = 3, .blocks = {}};
    map.blocks.assign(1, std::vector<DiagonalBlock>(1));
    std::map<long, std::vector<double>> diagonals;
    for (const long offset : {-960L, -128L, 0L, 64L, 320L}) {
        diagonals[offset] = random_reals(1024, static_cast<unsigned>(offset + 1000));
    }
    map.blocks[0][0] = diagonals;
    const auto x = as_complex(random_reals(1024, 5));
    const Ciphertext input = map_scheme().encrypt(x, 2);
    std::vector<Complex> expected(1024);
    accumulate(diagonals_of(map.blocks[0][0]), x, expected);
    for (const Pairing pairing : {Pairing::none, Pairing::outputs, Pairing::inputs}) {
        map.pairing = pairing;
        const Evaluator evaluator = map_scheme().evaluator(map.key_request(parameters, 2));
        EXPECT_GT(map_scheme().bits(apply_periodic(evaluator, map, std::span(&input, 1)).front(), expected), 21);
    }
}

TEST(PeriodicDiagonals, RefusesWhatDoesNotFit) {
    PeriodicDiagonals map{
        .period = 16, .inputs = 1, .outputs = 1, .stride = 1, .baby = 4, .blocks = {{DiagonalBlock{{0, {1, 2}}}}}};
    const Evaluator evaluator = map_scheme().evaluator(map.key_request(map_scheme().parameters(), 2));
    const std::vector<Ciphertext> one{map_scheme().encrypt(random_values(1024, 1), 2)};
    EXPECT_THAT([&] { apply_periodic(evaluator, map, one); },
                ThrowsMessage<Error>(AllOf(HasSubstr("2 values"), HasSubstr("period is 16"))));
    map.blocks[0][0] = DiagonalBlock{{0, std::vector<double>(16)}};
    const std::vector<Ciphertext> low{map_scheme().encrypt(random_values(1024, 1), 0)};
    EXPECT_THAT([&] { apply_periodic(evaluator, map, low); }, ThrowsMessage<Error>(HasSubstr("level 0 is too low")));
    map.inputs = 2;
    EXPECT_THAT([&] { apply_periodic(evaluator, map, one); },
                ThrowsMessage<Error>(HasSubstr("2 inputs was applied to 1")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
