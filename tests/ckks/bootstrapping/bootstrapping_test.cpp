#include "polyformer/ckks/bootstrapping/bootstrapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <numbers>
#include <tuple>

#include "polyformer/ckks/bootstrapping/dft_factors.h"
#include "polyformer/ckks/bootstrapping/dft_plan.h"
#include "polyformer/ckks/bootstrapping/modular_sine.h"
#include "polyformer/ckks/ring/special_fourier.h"
#include "polyformer/support/error.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<Complex> apply_factors(const std::vector<DftFactor>& factors, std::vector<Complex> x) {
    const auto n = static_cast<long>(x.size());
    for (const DftFactor& factor : factors) {
        std::vector<Complex> y(x.size());
        for (const auto& [offset, values] : factor.diagonals) {
            EXPECT_EQ(offset % factor.stride, 0);
            for (long i = 0; i < n; ++i) {
                y[static_cast<std::size_t>(i)] +=
                    values[static_cast<std::size_t>(i)] * x[static_cast<std::size_t>(((i + offset) % n + n) % n)];
            }
        }
        x = y;
    }
    return x;
}

/// All ways to spread `stages` over `levels` factors, the shortest distances first.
std::vector<std::vector<DftGroup>> groupings(int stages, int levels, int first = 0) {
    if (levels == 0)
        return stages == first ? std::vector<std::vector<DftGroup>>(1) : std::vector<std::vector<DftGroup>>();
    std::vector<std::vector<DftGroup>> result;
    for (int count = 0; count <= stages - first; ++count) {
        for (std::vector<DftGroup> rest : groupings(stages, levels - 1, first + count)) {
            rest.insert(rest.begin(), {first, count, 1});
            result.push_back(rest);
        }
    }
    return result;
}

TEST(DftFactors, AreTheEmbeddingUpToBitReversal) {
    for (const std::size_t slots : {1, 2, 8, 64, 256}) {
        const auto x = random_values(slots, 1);
        std::vector<Complex> expected(slots);
        for (std::size_t i = 0; i < slots; ++i) {
            std::size_t reversed = 0;
            for (std::size_t bit = 1; bit < slots; bit *= 2) reversed = 2 * reversed + ((i & bit) != 0 ? 1 : 0);
            expected[i] = x[reversed];
        }
        SpecialFourier(slots).to_slots(expected);
        for (const int levels : {1, 2, 3}) {
            for (std::vector<DftGroup> groups : groupings(std::countr_zero(slots), levels)) {
                const auto embedded = apply_factors(dft_factors(slots, groups, DftDirection::to_slots), x);
                EXPECT_LT(worst_error(embedded, expected), 1e-11) << slots << " " << levels;
                std::reverse(groups.begin(), groups.end());
                const auto back = apply_factors(dft_factors(slots, groups, DftDirection::to_coefficients), embedded);
                EXPECT_LT(worst_error(back, x), 1e-11) << slots << " " << levels;
            }
        }
    }
}

TEST(DftPlan, CoversAllStagesInOrder) {
    const Parameters parameters = Parameters::create(presets::insecure_bootstrapping(std::size_t{1} << 12));
    for (const std::size_t slots : {1, 2, 64, 2048}) {
        for (const int levels : {1, 2, 3}) {
            for (const auto direction : {DftDirection::to_slots, DftDirection::to_coefficients}) {
                std::vector<DftGroup> groups = plan_dft(parameters, slots, levels, direction, 5);
                ASSERT_EQ(groups.size(), static_cast<std::size_t>(levels));
                if (direction == DftDirection::to_coefficients) std::reverse(groups.begin(), groups.end());
                int first = 0;
                for (const DftGroup& group : groups) {
                    EXPECT_EQ(group.first, first);
                    EXPECT_GE(group.baby, 1);
                    EXPECT_LE(group.baby, 1 << group.stages);
                    first = group.end();
                }
                EXPECT_EQ(std::size_t{1} << first, slots);
            }
        }
    }
    EXPECT_THAT([&] { plan_dft(parameters, 48, 2, DftDirection::to_slots, 5); },
                ThrowsMessage<Error>(HasSubstr("48 slots")));
    EXPECT_THAT([&] { plan_dft(parameters, 64, 3, DftDirection::to_slots, 2); },
                ThrowsMessage<Error>(AllOf(HasSubstr("from level 2"), HasSubstr("3 levels"))));
}

// At the bottom key switches are cheap and full-length plaintexts small; at the top baby steps are a fifth of giant
// ones.
TEST(DftPlan, OfTheFullSize) {
    const Parameters parameters = Parameters::create(presets::bootstrapping_65536());
    const auto shape = [&](int levels, DftDirection direction, int level) {
        std::vector<std::pair<int, int>> stages_and_babies;
        for (const DftGroup& group : plan_dft(parameters, parameters.slots(), levels, direction, level)) {
            stages_and_babies.emplace_back(group.stages, group.baby);
        }
        return stages_and_babies;
    };
    using Shape = std::vector<std::pair<int, int>>;
    EXPECT_EQ(shape(2, DftDirection::to_slots, 2), (Shape{{8, 32}, {7, 32}}));
    EXPECT_EQ(shape(3, DftDirection::to_coefficients, parameters.max_level()), (Shape{{5, 8}, {5, 16}, {5, 16}}));
}

TEST(ModularSine, IsASineNearIntegers) {
    BootstrappingLiteral literal;
    for (const auto& [degree, double_angles, tolerance] :
         {std::tuple{31, 3, 0x1p-25}, std::tuple{59, 2, 0x1p-31}, std::tuple{63, 3, 0x1p-42}}) {
        literal.cosine_degree = degree;
        literal.double_angles = double_angles;
        const std::vector<double> series = modular_sine_series(literal);
        ASSERT_EQ(series.size(), static_cast<std::size_t>(degree) + 1);
        for (int integer = 1 - literal.interval; integer < literal.interval; ++integer) {
            for (const double distance : {-0x1p-10, 0.0, 0x1p-11}) {
                const double y = (integer + distance) / literal.interval;
                double c = 0;
                for (int k = 0; k <= degree; ++k) c += series[static_cast<std::size_t>(k)] * std::cos(k * std::acos(y));
                for (int k = 0; k < double_angles; ++k) c = 2 * c * c - 1;
                EXPECT_NEAR(c, std::sin(2 * std::numbers::pi * distance), tolerance) << degree << " " << integer;
            }
        }
    }
    literal.cosine_degree = 29;
    EXPECT_THAT([&] { modular_sine_series(literal); }, ThrowsMessage<Error>(HasSubstr("takes degree 30")));
}

TEST(BootstrapFailure, AgreesWithExactRationals) {
    std::ifstream golden(POLYFORMER_TEST_DATA "/bootstrap_failure.txt");
    ASSERT_TRUE(golden);
    std::size_t ring_dimension = 0;
    int weight = 0;
    int interval = 0;
    double expected = 0;
    int rows = 0;
    while (golden >> ring_dimension >> weight >> interval >> expected) {
        EXPECT_NEAR(log2_bootstrap_failure(ring_dimension, weight, interval), expected, 1e-6)
            << ring_dimension << " " << weight << " " << interval;
        ++rows;
    }
    EXPECT_GE(rows, 10);
    EXPECT_LT(log2_bootstrap_failure(std::size_t{1} << 16, 32, 16), -128);
    // No sum of 32 numbers up to 1/2 is beyond 16.
    EXPECT_EQ(log2_bootstrap_failure(std::size_t{1} << 16, 32, 17), -INFINITY);
    EXPECT_THROW(log2_bootstrap_failure(std::size_t{1} << 16, 0, 16), Error);
}

const CircuitScheme& scheme() {
    static const CircuitScheme kScheme(presets::insecure_bootstrapping(std::size_t{1} << 11));
    return kScheme;
}

struct Fixture {
    std::size_t slots;
    Bootstrapper bootstrapper;
    Evaluator evaluator;
    int input_level;

    explicit Fixture(std::size_t slot_count)
        : slots(slot_count),
          bootstrapper(scheme().parameters(), slots),
          evaluator(scheme().evaluator(Bootstrapper::key_request(scheme().parameters(), slots))),
          input_level(scheme().parameters().bootstrapping_input_level()) {}

    void expect_refreshed(const Ciphertext& result, std::span<const Complex> expected) const {
        EXPECT_EQ(result.level, scheme().parameters().working_level());
        EXPECT_EQ(result.scale, scheme().parameters().scale(result.level));
        EXPECT_EQ(result.slots, slots);
        EXPECT_GT(scheme().bits(result, expected), 18.5);
    }
};

class BootstrapTest : public ::testing::TestWithParam<std::size_t> {
  protected:
    static const Fixture& fixture() {
        static std::map<std::size_t, std::unique_ptr<const Fixture>> fixtures;
        auto& entry = fixtures[GetParam()];
        if (entry == nullptr) entry = std::make_unique<const Fixture>(GetParam());
        return *entry;
    }
    std::vector<Complex> reals(unsigned seed) const { return as_complex(random_reals(GetParam(), seed)); }
};

TEST_P(BootstrapTest, TakesTheBytesForeseen) {
    EXPECT_EQ(fixture().bootstrapper.bytes(), Bootstrapper::plaintext_bytes(scheme().parameters(), GetParam()));
}

TEST_P(BootstrapTest, Real) {
    const auto x = reals(1);
    const Ciphertext input = scheme().encrypt(x, fixture().input_level);
    const Ciphertext result = fixture().bootstrapper.bootstrap_real(fixture().evaluator, input);
    fixture().expect_refreshed(result, x);
}

TEST_P(BootstrapTest, RealDropsTheImaginaryPart) {
    const auto x = random_values(GetParam(), 2);
    const Ciphertext input = scheme().encrypt(x, fixture().input_level + 2);
    const auto real = slotwise(x, [&](std::size_t i) { return Complex(x[i].real()); });
    fixture().expect_refreshed(fixture().bootstrapper.bootstrap_real(fixture().evaluator, input), real);
}

TEST_P(BootstrapTest, Pair) {
    const auto x = reals(3);
    const auto y = reals(4);
    const auto [first, second] =
        fixture().bootstrapper.bootstrap_pair(fixture().evaluator, scheme().encrypt(x, fixture().input_level),
                                              scheme().encrypt(y, fixture().input_level + 1));
    fixture().expect_refreshed(first, x);
    fixture().expect_refreshed(second, y);
}

TEST_P(BootstrapTest, Complex) {
    const auto x = random_values(GetParam(), 5);
    const Ciphertext input = scheme().encrypt(x, fixture().input_level);
    fixture().expect_refreshed(fixture().bootstrapper.bootstrap_complex(fixture().evaluator, input), x);
}

TEST_P(BootstrapTest, LargestMessage) {
    const std::vector<testing::Complex> ones(GetParam(), 1.0);
    const Ciphertext input = scheme().encrypt(ones, fixture().input_level);
    fixture().expect_refreshed(fixture().bootstrapper.bootstrap_real(fixture().evaluator, input), ones);
}

INSTANTIATE_TEST_SUITE_P(Slots, BootstrapTest, ::testing::Values(std::size_t{1024}, std::size_t{64}, std::size_t{1}),
                         [](const auto& test) { return "slots_" + std::to_string(test.param); });

TEST(Bootstrap, RefreshesAnExhaustedCiphertext) {
    const Fixture fixture(16);
    auto x = as_complex(random_reals(16, 1));
    Ciphertext a = scheme().encrypt(x, scheme().parameters().working_level());
    while (a.level > fixture.input_level) {
        a = fixture.evaluator.rescale(fixture.evaluator.square(a));
        for (testing::Complex& value : x) value *= value;
    }
    a = fixture.bootstrapper.bootstrap_real(fixture.evaluator, a);
    a = fixture.evaluator.rescale(fixture.evaluator.square(a));
    for (testing::Complex& value : x) value *= value;
    EXPECT_GT(scheme().bits(a, x), 17);
}

TEST(Bootstrap, ErrorsNameValuesAndRemedy) {
    const Parameters& parameters = scheme().parameters();
    const Fixture fixture(16);
    const auto x = random_values(16, 1);
    EXPECT_THAT([&] { fixture.bootstrapper.bootstrap_real(fixture.evaluator, scheme().encrypt(x, 1)); },
                ThrowsMessage<Error>(AllOf(HasSubstr("level 1 is too low"), HasSubstr("takes 2"))));
    EXPECT_THAT(
        [&] { fixture.bootstrapper.bootstrap_real(fixture.evaluator, scheme().encrypt(random_values(8, 1), 3)); },
        ThrowsMessage<Error>(AllOf(HasSubstr("8 slots"), HasSubstr("16"))));
    EXPECT_THAT([&] { Bootstrapper(parameters, 48); }, ThrowsMessage<Error>(HasSubstr("48 slots")));
    EXPECT_THAT([&] { Bootstrapper(parameters, 2 * parameters.slots()); },
                ThrowsMessage<Error>(HasSubstr("up to 1024")));
    const Parameters leveled = Parameters::create(small_literal(11, 4));
    EXPECT_THAT([&] { Bootstrapper(leveled, 16); }, ThrowsMessage<Error>(HasSubstr("cannot bootstrap")));
    const Evaluator without_keys = scheme().evaluator(KeyRequest{});
    EXPECT_THAT([&] { fixture.bootstrapper.bootstrap_real(without_keys, scheme().encrypt(x, 3)); },
                ThrowsMessage<Error>(HasSubstr("Bootstrapper::key_request()")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
