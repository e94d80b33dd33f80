#include "polyformer/ckks/bootstrapping/modulus_raising.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "polyformer/ckks/circuits/linear_transform.h"
#include "polyformer/support/error.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Diagonals = std::map<long, std::vector<Complex>>;

const CircuitScheme& scheme() {
    static const CircuitScheme kScheme(presets::insecure_bootstrapping(std::size_t{1} << 10));
    return kScheme;
}

Diagonals random_diagonals(std::size_t period) {
    Diagonals diagonals;
    for (const long offset : {-10L, -4L, 0L, 2L, 6L, 8L, 12L}) {
        const std::vector<Complex> values = random_values(period, static_cast<unsigned>(offset + 20));
        for (std::size_t i = 0; i < scheme().slots(); ++i) diagonals[offset].push_back(values[i % period]);
    }
    return diagonals;
}

DiagonalTransform transform(const Diagonals& diagonals, int baby, KeySaving saving, bool leaves_turn, KeyRole role) {
    const Parameters& parameters = scheme().parameters();
    const int top = parameters.max_level();
    return {Encoder(parameters),
            parameters,
            diagonals,
            2,
            baby,
            top,
            static_cast<double>(parameters.q(top).modulus().value()),
            saving,
            leaves_turn,
            role};
}

/// -log2 of the greatest difference, as a share of the greatest value.
double bits_of_agreement(const Ciphertext& a, const Ciphertext& b) {
    const std::vector<Complex> x = scheme().decrypt(a);
    const std::vector<Complex> y = scheme().decrypt(b);
    double largest = 0;
    double difference = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        largest = std::max(largest, std::abs(x[i]));
        difference = std::max(difference, std::abs(x[i] - y[i]));
    }
    return std::log2(largest / difference);
}

/// Level 0, under the sparse secret.
Ciphertext exhausted(const Evaluator& evaluator) {
    const Ciphertext a = scheme().encrypt(random_values(scheme().slots(), 1), 0);
    return evaluator.switch_key(a, *evaluator.keys().dense_to_sparse);
}

class RaisedTransformTest : public ::testing::TestWithParam<std::size_t> {};

// The single digit's keys do what a switch back to the dense secret and ordinary rotations do.
TEST_P(RaisedTransformTest, EqualsAKeySwitchAndAnOrdinaryTransform) {
    const Parameters& parameters = scheme().parameters();
    const Diagonals diagonals = random_diagonals(GetParam());
    struct Case {
        int baby;
        bool horner;
        bool leaves_turn;
    };
    for (const Case& c : {Case{32, true, false}, Case{32, true, true}, Case{4, true, true}, Case{4, false, false}}) {
        SCOPED_TRACE(::testing::Message() << c.baby << " " << c.horner << " " << c.leaves_turn);
        const KeySaving saving{.inner = 1, .horner = c.horner};
        const DiagonalTransform raised = transform(diagonals, c.baby, saving, c.leaves_turn, KeyRole::sparse_to_dense);
        const DiagonalTransform ordinary = transform(diagonals, c.baby, saving, c.leaves_turn, KeyRole::rotation);
        KeyRequest request = raised.key_request(parameters);
        EXPECT_EQ(request.raised_steps.size(), ordinary.steps().baby_steps().size() - 1);
        request.merge(ordinary.key_request(parameters));
        request.bootstrapping = true;
        const Evaluator evaluator = scheme().evaluator(request);
        const Ciphertext sparse = exhausted(evaluator);
        const Ciphertext dense =
            evaluator.switch_key(raise_modulus(parameters, sparse), evaluator.keys().sparse_to_dense.at(0));
        const Ciphertext result = raised.apply(evaluator, raise_to_digit(parameters, sparse));
        EXPECT_EQ(result.level, parameters.max_level() - 1);
        EXPECT_GT(bits_of_agreement(result, ordinary.apply(evaluator, dense)), 28);
        EXPECT_THAT([&] { raised.apply(evaluator, dense); }, ThrowsMessage<Error>(HasSubstr("were just raised")));
        EXPECT_THAT([&] { ordinary.apply(evaluator, raise_to_digit(parameters, sparse)); },
                    ThrowsMessage<Error>(HasSubstr("were not just raised")));
    }
}

INSTANTIATE_TEST_SUITE_P(Periods, RaisedTransformTest, ::testing::Values(std::size_t{512}, std::size_t{8}),
                         [](const auto& test) { return "period_" + std::to_string(test.param); });

TEST(ModulusRaising, KeepsWhatIsBelowQ0) {
    const Parameters& parameters = scheme().parameters();
    KeyRequest request;
    request.bootstrapping = true;
    const Evaluator evaluator = scheme().evaluator(request);
    const Ciphertext sparse = exhausted(evaluator);
    const Ciphertext raised = raise_modulus(parameters, sparse);
    EXPECT_EQ(raised.level, parameters.max_level());
    const Ciphertext lowered = evaluator.drop_to_level(raised, 0);
    for (std::size_t c = 0; c < 2; ++c) {
        EXPECT_TRUE(std::ranges::equal(lowered.components[c].limb(0), sparse.components[c].limb(0))) << c;
    }
}

TEST(ModulusRaising, MissingKeysAndRowsAreRefused) {
    const Parameters& parameters = scheme().parameters();
    const DiagonalTransform raised =
        transform(random_diagonals(8), 32, {.inner = 1, .horner = true}, true, KeyRole::sparse_to_dense);
    KeyRequest request = raised.key_request(parameters);
    request.bootstrapping = true;
    request.raised_steps.erase(request.raised_steps.begin());
    const Evaluator evaluator = scheme().evaluator(request);
    RaisedCiphertext digit = raise_to_digit(parameters, exhausted(evaluator));
    EXPECT_THAT([&] { raised.apply(evaluator, digit); }, ThrowsMessage<Error>(HasSubstr("no key for a rotation by")));
    digit.second = digit.first;
    EXPECT_THAT([&] { raised.apply(evaluator, digit); }, ThrowsMessage<Error>(HasSubstr("these parameters want")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
