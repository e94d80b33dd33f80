// Evaluators over several parameter sets, with what they must reach in precision.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/ckks/evaluator/evaluator.h"
#include "tests/ckks/scheme/scheme_fixture.h"

namespace polyformer::ckks::testing {

inline const std::vector<long> kRotations{1, 2, 3, 4, 5, 8, 16, 32, 64, -1, -7, 100};

struct Case {
    const char* name;
    ParametersLiteral literal;
    /// Bits of precision that fresh ciphertexts and one multiplication must have at least.
    double fresh_bits;
    double product_bits;

    friend std::ostream& operator<<(std::ostream& out, const Case& test_case) { return out << test_case.name; }
};

inline ParametersLiteral small(int log_dimension, int scale_bits, int levels, int special, int base_bits = 50) {
    ParametersLiteral literal;
    literal.ring_dimension = std::size_t{1} << log_dimension;
    literal.scale_bits = scale_bits;
    literal.base_prime_bits = base_bits;
    literal.working_levels = levels;
    literal.special_primes = special;
    literal.security = Security::insecure;
    return literal;
}

inline const Scheme& scheme_of(const Case& test_case) {
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
    ExtendedCiphertext extended_rotation(const Ciphertext& a, long step) const {
        return std::move(evaluator().rotate_extended(std::span(&a, 1), step).front());
    }
};

}  // namespace polyformer::ckks::testing
