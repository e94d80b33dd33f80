#include "polyformer/ckks/bootstrapping/bootstrapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "polyformer/support/error.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const CircuitScheme& scheme() {
    static const CircuitScheme kScheme(presets::insecure_bootstrapping(std::size_t{1} << 11));
    return kScheme;
}

struct Fixture {
    std::size_t slots;
    Bootstrapper bootstrapper;
    Evaluator evaluator;
    int input_level;

    explicit Fixture(std::size_t slot_count, double key_price = 0)
        : slots(slot_count),
          bootstrapper(scheme().parameters(), slots, key_price),
          evaluator(scheme().evaluator(Bootstrapper::key_request(scheme().parameters(), slots, key_price))),
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

TEST_P(BootstrapTest, LargestMessage) {
    const std::vector<testing::Complex> ones(GetParam(), 1.0);
    const Ciphertext input = scheme().encrypt(ones, fixture().input_level);
    fixture().expect_refreshed(fixture().bootstrapper.bootstrap_real(fixture().evaluator, input), ones);
}

INSTANTIATE_TEST_SUITE_P(Slots, BootstrapTest, ::testing::Values(std::size_t{1024}, std::size_t{64}, std::size_t{1}),
                         [](const auto& test) { return "slots_" + std::to_string(test.param); });

TEST(Bootstrap, WithFewerKeysGivesTheSame) {
    const Parameters& parameters = scheme().parameters();
    for (const std::size_t slots : {std::size_t{1024}, std::size_t{64}}) {
        const auto x = as_complex(random_reals(slots, 1));
        const auto y = as_complex(random_reals(slots, 2));
        std::size_t keys = Bootstrapper::key_request(parameters, slots).rotations();
        for (const double key_price : {1e-4, 1e-2}) {
            SCOPED_TRACE(::testing::Message() << slots << " slots, price " << key_price);
            const Fixture fixture(slots, key_price);
            const std::size_t fewer = Bootstrapper::key_request(parameters, slots, key_price).rotations();
            EXPECT_LT(fewer, keys);
            keys = fewer;
            const auto [first, second] = fixture.bootstrapper.bootstrap_pair(
                fixture.evaluator, scheme().encrypt(x, fixture.input_level), scheme().encrypt(y, fixture.input_level));
            fixture.expect_refreshed(first, x);
            fixture.expect_refreshed(second, y);
            EXPECT_EQ(fixture.bootstrapper.bytes(), Bootstrapper::plaintext_bytes(parameters, slots, key_price));
        }
    }
}

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
