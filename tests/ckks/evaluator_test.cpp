#include "ckks/evaluator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheme_fixture.h"
#include "support/error.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<long> kRotations{1, 2, 3, 4, 5, 8, 16, 32, 64, -1, -7, 100};

struct Case {
    const char* name;
    ParametersLiteral literal;
    /// Bits of precision that fresh ciphertexts and one multiplication must have at least.
    double fresh_bits;
    double product_bits;
};

ParametersLiteral small(int log_dimension, int scale_bits, int levels, int special, int base_bits = 50) {
    ParametersLiteral literal;
    literal.ring_dimension = std::size_t{1} << log_dimension;
    literal.scale_bits = scale_bits;
    literal.base_prime_bits = base_bits;
    literal.working_levels = levels;
    literal.special_primes = special;
    literal.security = Security::insecure;
    return literal;
}

const Scheme& scheme_of(const Case& test_case) {
    static std::map<std::string, std::unique_ptr<const Scheme>> schemes;
    auto& scheme = schemes[test_case.name];
    if (scheme == nullptr) {
        scheme = std::make_unique<const Scheme>(test_case.literal, kRotations, test_case.literal.working_levels);
    }
    return *scheme;
}

class EvaluatorTest : public ::testing::TestWithParam<Case> {
  protected:
    const Scheme& scheme() const { return scheme_of(GetParam()); }
    const Evaluator& evaluator() const { return scheme().evaluator; }
    int top() const { return scheme().parameters.working_level(); }
    std::size_t slots() const { return scheme().parameters.slots(); }
    void expect_close(const Ciphertext& actual, std::span<const Complex> expected, double bits) const {
        EXPECT_GT(precision_bits(scheme().decrypt(actual), expected), bits);
    }
};

TEST_P(EvaluatorTest, AddsSubtractsNegates) {
    const auto x = random_values(slots(), 1);
    const auto y = random_values(slots(), 2);
    const Ciphertext a = scheme().encrypt(x, top());
    const Ciphertext b = scheme().encrypt(y, top());
    const double bits = GetParam().fresh_bits - 1;
    expect_close(evaluator().add(a, b), slotwise(x, [&](std::size_t i) { return x[i] + y[i]; }), bits);
    expect_close(evaluator().subtract(a, b), slotwise(x, [&](std::size_t i) { return x[i] - y[i]; }), bits);
    expect_close(evaluator().negate(a), slotwise(x, [&](std::size_t i) { return -x[i]; }), bits);
}

TEST_P(EvaluatorTest, MultipliesDownToTheLastLevelAtExactScales) {
    auto x = random_values(slots(), 3);
    Ciphertext a = scheme().encrypt(x, top());
    for (int level = top(); level > 0; --level) {
        const auto y = random_values(slots(), 100 + static_cast<unsigned>(level));
        a = evaluator().rescale(evaluator().multiply(a, scheme().encrypt(y, level)));
        for (std::size_t i = 0; i < x.size(); ++i) x[i] *= y[i];
        EXPECT_EQ(a.level, level - 1);
        EXPECT_EQ(a.scale, scheme().parameters.scale(level - 1));  // to the last bit
        expect_close(a, x, GetParam().product_bits - 2);
    }
}

TEST_P(EvaluatorTest, RotatesAndConjugates) {
    const auto x = random_values(slots(), 4);
    const Ciphertext a = scheme().encrypt(x, top());
    for (const long step : kRotations) {
        const Ciphertext r = evaluator().rotate(a, step);
        EXPECT_EQ(r.scale, a.scale);
        expect_close(r, rotated(x, step), GetParam().fresh_bits - 2);
    }
    expect_close(evaluator().conjugate(a), slotwise(x, [&](std::size_t i) { return std::conj(x[i]); }),
                 GetParam().fresh_bits - 2);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sets, EvaluatorTest,
                         ::testing::Values(Case{"n10", small(10, 40, 5, 2), 28, 27},
                                           Case{"n11", small(11, 30, 6, 3, 40), 16, 15},
                                           Case{"n12", small(12, 45, 4, 1), 32, 31},
                                           Case{"n14", presets::leveled_16384(), 24, 23}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace polyformer::ckks::testing
