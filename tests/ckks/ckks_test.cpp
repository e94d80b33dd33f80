// The example that ckks.h opens with, with nothing else included.
#include <gtest/gtest.h>
#include <polyformer/ckks/ckks.h>

namespace {

TEST(CkksHeader, SufficesForItsExample) {
    using namespace polyformer::ckks;
    const Parameters parameters = Parameters::create(presets::leveled_16384());
    const int level = parameters.working_level();

    const SecretKey secret = SecretKey::generate(parameters);
    KeyRequest request;
    request.add_relinearisation(parameters, level);
    request.add_rotation(parameters, 1, level);
    const auto keys = std::make_shared<const EvaluationKeys>(KeyGenerator(parameters, secret).evaluation_keys(request));
    const Encoder encoder(parameters);
    const std::vector<double> x{0.5, -0.25, 0.125, 1};
    const Ciphertext a = encrypt(parameters, secret, encoder.encode(x, level, parameters.scale(level)));

    const Evaluator evaluator(parameters, keys);
    const Ciphertext b = evaluator.rescale(evaluator.multiply(a, evaluator.rotate(a, 1)));

    const auto y = encoder.decode(decrypt(parameters, secret, b), x.size());
    const std::vector<double> expected{-0.125, -0.03125, 0.125, 0.5};
    for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(y[i].real(), expected[i], 1e-6);
        EXPECT_NEAR(y[i].imag(), 0, 1e-6);
    }
}

}  // namespace
