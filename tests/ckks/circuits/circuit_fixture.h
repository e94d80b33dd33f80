// A parameter set and its secret, and evaluators with exactly the keys that a circuit asks for.
#pragma once

#include <vector>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "tests/ckks/scheme/scheme_fixture.h"

namespace polyformer::ckks::testing {

class CircuitScheme {
  public:
    explicit CircuitScheme(const ParametersLiteral& literal)
        : parameters_(Parameters::create(literal)), secret_(SecretKey::generate(parameters_)) {}

    const Parameters& parameters() const { return parameters_; }
    std::size_t slots() const { return parameters_.slots(); }

    Evaluator evaluator(const KeyRequest& request) const {
        return {parameters_,
                std::make_shared<const EvaluationKeys>(KeyGenerator(parameters_, secret_).evaluation_keys(request))};
    }
    Ciphertext encrypt(std::span<const Complex> values, int level) const {
        const Encoder encoder(parameters_);
        return ckks::encrypt(parameters_, secret_, encoder.encode(values, level, parameters_.scale(level)));
    }
    std::vector<Complex> decrypt(const Ciphertext& ciphertext) const {
        return Encoder(parameters_).decode(ckks::decrypt(parameters_, secret_, ciphertext));
    }
    double bits(const Ciphertext& actual, std::span<const Complex> expected) const {
        return precision_bits(decrypt(actual), expected);
    }

  private:
    Parameters parameters_;
    SecretKey secret_;
};

inline ParametersLiteral small_literal(int log_dimension, int working_levels, int special_primes = 2) {
    ParametersLiteral literal;
    literal.ring_dimension = std::size_t{1} << log_dimension;
    literal.working_levels = working_levels;
    literal.special_primes = special_primes;
    literal.security = Security::insecure;
    return literal;
}

inline std::vector<double> random_reals(std::size_t count, unsigned seed) {
    std::vector<double> values;
    for (const Complex value : random_values(count, seed)) values.push_back(value.real());
    return values;
}

inline std::vector<Complex> as_complex(std::span<const double> values) {
    return {values.begin(), values.end()};
}

}  // namespace polyformer::ckks::testing
