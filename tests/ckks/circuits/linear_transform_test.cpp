#include "polyformer/ckks/circuits/linear_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/support/error.h"
#include "tests/ckks/circuits/map_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Diagonals = std::map<long, std::vector<Complex>>;

std::vector<Complex> expected_of(const Diagonals& diagonals, std::span<const Complex> x) {
    std::vector<Complex> sum(x.size());
    accumulate(diagonals, x, sum);
    return sum;
}

/// Random complex diagonals of this period, scaled so that results stay near 1.
Diagonals random_diagonals(std::span<const long> offsets, std::size_t slots, std::size_t period) {
    Diagonals diagonals;
    unsigned seed = 100;
    for (const long offset : offsets) {
        const auto values = random_values(period, ++seed);
        for (std::size_t i = 0; i < slots; ++i) {
            diagonals[offset].push_back(values[i % period] / static_cast<double>(offsets.size()));
        }
    }
    return diagonals;
}

struct TransformCase {
    const char* name;
    std::size_t slots;
    std::size_t period;
    long stride;
    int baby;
    std::vector<long> offsets;
};

class DiagonalTransformTest : public ::testing::TestWithParam<TransformCase> {};

TEST_P(DiagonalTransformTest, AgreesWithPlainVectors) {
    const auto& [name, slots, period, stride, baby, offsets] = GetParam();
    const Parameters& parameters = map_scheme().parameters();
    const Diagonals diagonals = random_diagonals(offsets, slots, period);
    const int level = 3;
    const DiagonalTransform transform(Encoder(parameters), parameters, diagonals, stride, baby, level,
                                      parameters.scale(level));
    const Evaluator evaluator = map_scheme().evaluator(transform.key_request(parameters));
    const std::vector<std::vector<Complex>> x{random_values(slots, 1), random_values(slots, 2)};
    for (std::size_t k = 0; k < 2; ++k) {
        const Ciphertext result = transform.apply(evaluator, map_scheme().encrypt(x[k], level));
        EXPECT_EQ(result.level, level - 1);
        EXPECT_DOUBLE_EQ(result.scale, parameters.scale(level - 1));
        EXPECT_GT(map_scheme().bits(result, expected_of(diagonals, x[k])), 23);
    }
    // Each product takes 2·period residues a prime.
    const auto rows = static_cast<std::size_t>(level + 1 + parameters.special_count());
    EXPECT_EQ(transform.bytes(), offsets.size() * rows * 2 * period * sizeof(std::uint64_t));
}

// As many special primes as limbs, which keys of their own allow.
TEST(DiagonalTransform, WithLowRotationsAtTheLowestLevels) {
    const CircuitScheme scheme(presets::insecure_bootstrapping(std::size_t{1} << 10));
    const Parameters& parameters = scheme.parameters();
    ASSERT_EQ(low_special_count(parameters), 3);
    const std::vector<long> offsets{-6, -1, 0, 3, 4, 5, 7};
    const Diagonals diagonals = random_diagonals(offsets, scheme.slots(), scheme.slots());
    const auto x = random_values(scheme.slots(), 1);
    for (const int level : {1, 2}) {
        for (const KeySaving saving : {KeySaving{1, false}, KeySaving{1, true}, KeySaving{2, true}}) {
            SCOPED_TRACE(::testing::Message() << level << " " << saving.inner << " " << saving.horner);
            const DiagonalTransform transform(Encoder(parameters), parameters, diagonals, 1, 4, level,
                                              parameters.scale(level), saving, false, KeyRole::low_rotation);
            const KeyRequest request = transform.key_request(parameters);
            EXPECT_TRUE(request.rotation_levels.empty());
            const Evaluator evaluator = scheme.evaluator(request);
            const Ciphertext input = scheme.encrypt(x, level);
            EXPECT_EQ(transform.apply_extended(evaluator, input).special(), 3);
            EXPECT_GT(scheme.bits(transform.apply(evaluator, input), expected_of(diagonals, x)), 23);
            const auto rows = static_cast<std::size_t>(level + 1 + 3);
            EXPECT_EQ(transform.bytes(), offsets.size() * rows * 2 * scheme.slots() * sizeof(std::uint64_t));
            EXPECT_THAT([&] { evaluator.rotate(input, *request.low_steps.begin()); },
                        ThrowsMessage<Error>(HasSubstr("no key for a rotation")));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Maps, DiagonalTransformTest,
    ::testing::Values(TransformCase{"dense", 1024, 1024, 1, 4, {-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7}},
                      TransformCase{"one", 1024, 1024, 1, 1, {0}},
                      TransformCase{"only_negative", 1024, 1024, 1, 3, {-1, -1023, -512}},
                      TransformCase{"strided_periodic", 1024, 64, 32, 8, {-96, -32, 0, 64, 992}},
                      TransformCase{"short_period", 1024, 2, 2, 4, {-2, 0, 2, 14}},
                      TransformCase{"sparse", 64, 64, 4, 4, {-60, -4, 0, 8, 40}},
                      TransformCase{"giants_alone", 1024, 16, 16, 1, {-48, 16, 32}}),
    [](const auto& test) { return test.param.name; });

TEST(DiagonalTransform, WithFewerKeysGivesTheSame) {
    const Parameters& parameters = map_scheme().parameters();
    const int level = 3;
    const std::size_t slots = 64;
    const auto x = random_values(slots, 1);
    const Ciphertext input = map_scheme().encrypt(x, level);
    for (const std::vector<long>& offsets : {std::vector<long>{-28, -24, -20, -16, -8, -4, 0, 4, 8, 24, 28},
                                             std::vector<long>{36, 40, 52, 60}, std::vector<long>{0, 12}}) {
        const Diagonals diagonals = random_diagonals(offsets, slots, 16);
        const std::vector<Complex> expected = expected_of(diagonals, x);
        for (const KeySaving saving : {KeySaving{1, true}, KeySaving{2, false}, KeySaving{2, true}}) {
            for (const bool leaves_turn : {false, true}) {
                if (leaves_turn && !saving.horner) continue;
                const DiagonalTransform transform(Encoder(parameters), parameters, diagonals, 4, 4, level,
                                                  parameters.scale(level), saving, leaves_turn);
                const Evaluator evaluator = map_scheme().evaluator(transform.key_request(parameters));
                std::vector<Complex> turned(slots);
                for (std::size_t i = 0; i < slots; ++i) {
                    turned[i] = expected[cyclic(static_cast<long>(i) - transform.steps().turn(), slots)];
                }
                EXPECT_GT(map_scheme().bits(transform.apply(evaluator, input), turned), 23)
                    << offsets.front() << " " << saving.inner << " " << saving.horner << " " << leaves_turn;
            }
        }
    }
}

TEST(DiagonalTransform, RefusesWhatDoesNotFit) {
    const Parameters& parameters = map_scheme().parameters();
    const Encoder encoder(parameters);
    const auto make = [&](const Diagonals& diagonals, long stride) {
        DiagonalTransform(encoder, parameters, diagonals, stride, 4, 3, parameters.scale(3));
    };
    const std::vector<Complex> ones(1024, 1);
    EXPECT_THAT([&] { make({{3, ones}}, 2); }, ThrowsMessage<Error>(HasSubstr("diagonal 3 is no multiple")));
    EXPECT_THAT([&] { make({{1024, ones}}, 1); }, ThrowsMessage<Error>(HasSubstr("diagonal 1024 lies outside")));
    EXPECT_THAT([&] { make({{0, ones}, {1, {1, 2}}}, 1); }, ThrowsMessage<Error>(HasSubstr("has 2 values")));
    EXPECT_THAT([&] { make({}, 1); }, ThrowsMessage<Error>(HasSubstr("at least one diagonal")));

    const DiagonalTransform transform(encoder, parameters, {{0, ones}}, 1, 1, 3, parameters.scale(3));
    const Evaluator evaluator = map_scheme().evaluator(transform.key_request(parameters));
    const Ciphertext wrong_level = map_scheme().encrypt(ones, 2);
    EXPECT_THAT([&] { transform.apply(evaluator, wrong_level); },
                ThrowsMessage<Error>(AllOf(HasSubstr("level 3"), HasSubstr("level 2"))));
}

}  // namespace
}  // namespace polyformer::ckks::testing
