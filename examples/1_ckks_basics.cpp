// 1. CKKS basics: from parameters to a decrypted result.
//
// CKKS encrypts a vector of numbers at once; additions and products act on all of them, slot by slot. Numbers are
// stored as integers, multiplied by a scale. A product multiplies the scales too; rescaling divides by a prime of the
// modulus to bring the scale back. Each rescaling uses up one level, and with no levels left there are no more
// products.
//
// The program computes x·y + x and its square on encrypted x and y.
#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "narration.h"
#include "polyformer/ckks/ckks.h"

using namespace polyformer::ckks;

int main(int argc, char** argv) try {
    examples::heading("Parameters: how much room, how much security");
    // A preset is a wish; create() checks it and finds the primes. What has less than 128 bits of security is refused,
    // unless one asks for Security::insecure by name. In a program of your own:
    // Parameters::create(presets::leveled_16384())
    const Parameters parameters = Parameters::create(examples::parameters_from(argc, argv, presets::leveled_16384()));
    const int top = parameters.working_level();  // fresh ciphertexts start here
    fmt::print("ring dimension N        {:>8}\n", parameters.ring_dimension());
    fmt::print("slots (numbers) N/2     {:>8}\n", parameters.slots());
    fmt::print("levels (products deep)  {:>8}\n", top);
    fmt::print("log2(QP)                {:>8.1f}   the larger, the less secure for a given N\n", parameters.log2_qp());
    fmt::print("security in bits        {:>8}\n", parameters.security_bits());

    examples::heading("Keys: the secret stays with whoever encrypts, the evaluation keys go to whoever computes");
    const SecretKey secret = SecretKey::generate(parameters);
    // Products of two ciphertexts need a relinearisation key, rotations need others (example 2).
    KeyRequest request;
    request.add_relinearisation(parameters, top);  // the highest level at which it will be used
    const KeyGenerator generator(parameters, secret);
    const auto keys = std::make_shared<const EvaluationKeys>(generator.evaluation_keys(request));
    // The public key lets others encrypt, who then cannot read what they encrypted.
    const PublicKey public_key = generator.public_key();
    fmt::print("evaluation keys: {:.1f} MB\n", 1e-6 * static_cast<double>(keys->bytes()));

    const Encoder encoder(parameters);            // numbers ↔ plaintexts
    const Evaluator evaluator(parameters, keys);  // computes on ciphertexts; knows no secret

    examples::heading("Encode and encrypt");
    std::vector<double> x(parameters.slots());
    std::vector<double> y(parameters.slots());
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = std::sin(static_cast<double>(i));
        y[i] = std::cos(static_cast<double>(i) / 3);
    }
    // Every level has its canonical scale, about 2^40: use that one and sums will always fit.
    const Ciphertext a = encrypt(parameters, secret, encoder.encode(x, top, parameters.scale(top)));
    const Ciphertext b = encrypt(parameters, public_key, encoder.encode(y, top, parameters.scale(top)));
    fmt::print("{} numbers in one ciphertext of {:.2f} MB\n\n", x.size(), 1e-6 * static_cast<double>(a.bytes()));

    // Decrypts and compares with what it should be: a row of the table, and the error.
    const auto show = [&](const char* step, const Ciphertext& ciphertext,
                          const std::function<double(double, double)>& f) {
        // Slots are complex numbers; ours have no imaginary part but noise.
        const std::vector<std::complex<double>> decrypted = encoder.decode(decrypt(parameters, secret, ciphertext));
        std::vector<double> expected(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) expected[i] = f(x[i], y[i]);
        const double error = examples::largest_error(decrypted, expected);
        fmt::print("{:<26} {:>5}   2^{:<8.4f} {:>9.5f} {:>9.5f} {:>8.1f} bits\n", step, ciphertext.level,
                   std::log2(ciphertext.scale), decrypted[1].real(), expected[1], examples::bits(error));
        return error;
    };
    fmt::print("{:<26} {:>5}   {:<10} {:>9} {:>9} {:>8}\n", "step", "level", "scale", "slot 1", "expected",
               "precision");

    show("x, by the secret key", a, [](double u, double) { return u; });
    show("y, by the public key", b, [](double, double v) { return v; });  // noisier
    // Sums need equal levels and scales, and cost nothing.
    show("x + y", evaluator.add(a, b), [](double u, double v) { return u + v; });
    // A constant needs no encryption, and no key.
    show("x + 0.5", evaluator.add_constant(a, 0.5), [](double u, double) { return u + 0.5; });
    // A constant factor needs no key either, but like every product it takes a level.
    show("0.25·x", evaluator.rescale(evaluator.multiply_constant(a, 0.25)), [](double u, double) { return 0.25 * u; });
    // The scale of a product is the product of the scales …
    const Ciphertext product = evaluator.multiply(a, b);
    show("x·y, as multiplied", product, [](double u, double v) { return u * v; });
    // … until rescaling brings it back, one level down.
    const Ciphertext rescaled = evaluator.rescale(product);
    show("x·y, rescaled", rescaled, [](double u, double v) { return u * v; });
    // x is still one level higher: adjust() brings it to the level and the scale of the product.
    const Ciphertext sum = evaluator.add(rescaled, evaluator.adjust(a, rescaled.level));
    show("x·y + x", sum, [](double u, double v) { return u * v + u; });
    const Ciphertext square = evaluator.rescale(evaluator.square(sum));
    const double error = show("(x·y + x)²", square, [](double u, double v) { return (u * v + u) * (u * v + u); });

    examples::heading("What happens when one forgets");
    // Errors say what does not fit, with both values, and what to do.
    try {
        evaluator.add(rescaled, a);
    } catch (const polyformer::Error& refused) {
        fmt::print("adding x without adjust() is refused:\n  {}\n", refused.what());
    }

    examples::heading("Result");
    fmt::print("{} products of {} numbers each, {} of {} levels left\n", 2, x.size(), square.level, top);
    examples::check("(x·y + x)² against the same in the clear", error, 0x1p-16);
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
