// The smallest whole program: encrypts numbers, multiplies them without seeing them, decrypts.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include "polyformer/ckks/ckks.h"

using namespace polyformer::ckks;

int main() try {
    // 128-bit security, 8192 numbers a ciphertext, products 7 deep.
    const Parameters parameters = Parameters::create(presets::leveled_16384());
    const int top = parameters.working_level();
    const Encoder encoder(parameters);

    // Whoever owns the data makes the keys and encrypts.
    const SecretKey secret = SecretKey::generate(parameters);
    KeyRequest request;
    request.add_relinearisation(parameters, top);  // for products of ciphertexts
    const auto keys = std::make_shared<const EvaluationKeys>(KeyGenerator(parameters, secret).evaluation_keys(request));
    const std::vector<double> x{0.5, -1.25, 2, 3};  // a power of two many
    const std::vector<double> y{4, 0.1, -0.75, 3};
    const auto encrypted = [&](const std::vector<double>& values) {
        return encrypt(parameters, secret, encoder.encode(values, top, parameters.scale(top)));
    };
    const Ciphertext a = encrypted(x);
    const Ciphertext b = encrypted(y);

    // Whoever has the evaluation keys computes.
    const Evaluator evaluator(parameters, keys);
    const Ciphertext product = evaluator.multiply_and_rescale(a, b);

    // The secret key opens the result.
    const std::vector<std::complex<double>> result = encoder.decode(decrypt(parameters, secret, product));
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        worst = std::max(worst, std::abs(result[i] - x[i] * y[i]));
        std::printf("%6.2f * %6.2f = %9.6f\n", x[i], y[i], result[i].real());
    }
    return worst < 1e-5 ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
