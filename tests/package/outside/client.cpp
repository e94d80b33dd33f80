// Encrypts numbers, squares them without looking, and decrypts: what a first program of one's own may look like.
#include <cmath>
#include <complex>
#include <cstdio>
#include <memory>
#include <vector>

#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/scheme/evaluator.h"
#include "polyformer/support/version.h"

namespace ckks = polyformer::ckks;

int main() {
    // A ring far too small to be secure: quick.
    ckks::ParametersLiteral literal;
    literal.ring_dimension = 2048;
    literal.working_levels = 2;
    literal.special_primes = 1;
    literal.security = ckks::Security::insecure;
    const auto parameters = ckks::Parameters::create(literal);
    const int level = parameters.working_level();

    // The data owner's.
    const auto secret = ckks::SecretKey::generate(parameters);
    ckks::KeyRequest wanted;
    wanted.relinearisation = true;
    wanted.relinearisation_level = level;
    const auto keys =
        std::make_shared<const ckks::EvaluationKeys>(ckks::KeyGenerator(parameters, secret).evaluation_keys(wanted));
    const ckks::Encoder encoder(parameters);
    const std::vector<std::complex<double>> numbers{0.5, -0.25, 0.75, 1.0};
    const auto encrypted =
        ckks::encrypt(parameters, secret, encoder.encode(numbers, level, parameters.scale(level)), numbers.size());

    // The server's: it has the keys, not the secret.
    const ckks::Evaluator evaluator(parameters, keys);
    const auto squares = evaluator.multiply_and_rescale(encrypted, encrypted);

    // The data owner's again.
    const auto answer = encoder.decode(ckks::decrypt(parameters, secret, squares), numbers.size());
    float worst = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        float error = std::abs(answer[i] - numbers[i] * numbers[i]);  // our -Wconversion -Werror would stop here
        worst = std::fmax(worst, error);
    }
    std::printf("Polyformer %s: worst error %g\n", polyformer::version().data(), worst);
    return worst < 1e-4f ? 0 : 1;
}
