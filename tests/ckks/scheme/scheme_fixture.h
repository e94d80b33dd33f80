// A parameter set with its secret and evaluation keys, made once a process, and measures of precision.
#pragma once

#include <cmath>
#include <complex>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/evaluator/evaluator.h"
#include "polyformer/support/extremes.h"

namespace polyformer::ckks::testing {

using Complex = std::complex<double>;

struct Scheme {
    Parameters parameters;
    SecretKey secret;
    KeyRequest request;
    std::shared_ptr<const EvaluationKeys> keys;
    Evaluator evaluator;

    Scheme(const ParametersLiteral& literal, const std::vector<long>& rotations, int key_level)
        : parameters(Parameters::create(literal)),
          secret(SecretKey::generate(parameters)),
          request(make_request(parameters, rotations, key_level)),
          keys(std::make_shared<const EvaluationKeys>(KeyGenerator(parameters, secret).evaluation_keys(request))),
          evaluator(parameters, keys) {}

    static KeyRequest make_request(const Parameters& parameters, const std::vector<long>& rotations, int key_level) {
        KeyRequest request;
        request.add_relinearisation(parameters, key_level);
        request.add_conjugation(parameters, key_level);
        request.bootstrapping = parameters.can_bootstrap();
        for (const long step : rotations) request.add_rotation(parameters, step, key_level);
        return request;
    }

    Ciphertext encrypt(std::span<const Complex> values, int level) const {
        return encrypt_at(values, level, parameters.scale(level));
    }
    Ciphertext encrypt_at(std::span<const Complex> values, int level, double scale) const {
        return ckks::encrypt(parameters, secret, evaluator.encoder().encode(values, level, scale));
    }
    std::vector<Complex> decrypt(const Ciphertext& ciphertext) const {
        return evaluator.encoder().decode(ckks::decrypt(parameters, secret, ciphertext));
    }
};

/// Real and imaginary parts uniform in [-1, 1].
inline std::vector<Complex> random_values(std::size_t count, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<Complex> values(count);
    for (Complex& value : values) {
        const double real = uniform(random);
        value = {real, uniform(random)};
    }
    return values;
}

inline double worst_error(std::span<const Complex> a, std::span<const Complex> b) {
    double worst = a.size() == b.size() ? 0 : INFINITY;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) worst = larger(worst, std::abs(a[i] - b[i]));
    return worst;
}

/// Root of the mean squared error over real and imaginary parts.
inline double error_deviation(std::span<const Complex> a, std::span<const Complex> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += std::norm(a[i] - b[i]);
    return std::sqrt(sum / (2 * static_cast<double>(a.size())));
}

inline double precision_bits(std::span<const Complex> a, std::span<const Complex> b) {
    return -std::log2(worst_error(a, b));
}

template <class Function>
std::vector<Complex> slotwise(std::span<const Complex> a, const Function& function) {
    std::vector<Complex> result;
    for (std::size_t i = 0; i < a.size(); ++i) result.push_back(function(i));
    return result;
}

/// slot i of the result is slot i + step of a.
inline std::vector<Complex> rotated(std::span<const Complex> a, long step) {
    const auto n = static_cast<long>(a.size());
    return slotwise(
        a, [&](std::size_t i) { return a[static_cast<std::size_t>(((static_cast<long>(i) + step) % n + n) % n)]; });
}

}  // namespace polyformer::ckks::testing
