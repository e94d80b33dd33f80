// 3. A polynomial on ciphertext: how a function that is no polynomial is computed all the same.
//
// Ciphertexts can be added and multiplied, so what can be computed are polynomials. A transformer's GELU is replaced by
// one that is near it on an interval. approx/ finds the polynomial of a degree whose largest error is smallest
// (minimax) and proves a bound of that error for the whole interval, not for some points only.
//
// The program approximates GELU on [−6, 6], evaluates it on ciphertext and holds the result against the true function.
#include <fmt/format.h>

#include <exception>
#include <memory>
#include <vector>

#include "narration.h"
#include "polyformer/approx/fitting/approximation.h"
#include "polyformer/ckks/ckks.h"
#include "polyformer/support/system/process.h"

using namespace polyformer::ckks;
namespace approx = polyformer::approx;

int main(int argc, char** argv) try {
    examples::heading("The polynomial: a higher degree is nearer, but takes more levels");
    const approx::TargetFunction gelu = approx::target_function("gelu");
    const approx::Interval interval{-6, 6};
    fmt::print("{:>6} {:>7} {:>16}\n", "degree", "levels", "certified error");
    for (const std::size_t degree : {7U, 15U, 31U, 63U}) {
        const approx::Approximation found = approx::minimax(gelu, interval, degree);
        fmt::print("{:>6} {:>7} {:>16.2e}\n", degree, approx::depth_of_degree(degree), found.certified_error);
    }
    // GELU is x/2 and an even function: of the odd terms only T_1 is left, so the degree will be 30.
    const approx::Approximation chosen = approx::minimax(gelu, interval, 31);
    // Coefficients are of Chebyshev polynomials T_k(u), u in [−1, 1]: powers of x would lose all precision.
    fmt::print("chosen: {:.6f}·T_0(u) + {:.6f}·T_1(u) + {:.6f}·T_2(u) + …, u = x/6\n",
               chosen.polynomial.coefficients[0], chosen.polynomial.coefficients[1], chosen.polynomial.coefficients[2]);

    examples::heading("On ciphertext");
    const Parameters parameters = Parameters::create(examples::parameters_from(argc, argv, presets::leveled_16384()));
    const int top = parameters.working_level();
    const SecretKey secret = SecretKey::generate(parameters);
    KeyRequest request;  // products need the relinearisation key, nothing else
    request.add_relinearisation(parameters, top);
    const Evaluator evaluator(
        parameters, std::make_shared<const EvaluationKeys>(KeyGenerator(parameters, secret).evaluation_keys(request)));
    const Encoder& encoder = evaluator.encoder();

    // What is encrypted is u = x/6. Where x is computed, the division rides on the step before.
    std::vector<double> x(parameters.slots());
    std::vector<double> u(parameters.slots());
    for (std::size_t i = 0; i < x.size(); ++i) {
        u[i] = 2 * static_cast<double>(i) / static_cast<double>(x.size()) - 1;
        x[i] = 6 * u[i];
    }
    const Ciphertext input = encrypt(parameters, secret, encoder.encode(u, top, parameters.scale(top)));
    const ChebyshevSeries series{chosen.polynomial.coefficients, {}};
    const polyformer::Stopwatch watch;
    const Ciphertext output = evaluate_chebyshev(evaluator, series, input);
    const double seconds = watch.seconds();
    fmt::print("degree {} on {} numbers in {:.3f} s, {:.2f} µs each\n", series.degree(), x.size(), seconds,
               1e6 * seconds / static_cast<double>(x.size()));
    fmt::print("{} products of ciphertexts; level {} before, {} after: {} levels used, ⌈log2(degree + 1)⌉ = {}\n",
               chebyshev_products(series.degree()), input.level, output.level, input.level - output.level,
               series.depth());

    const auto decrypted = encoder.decode(decrypt(parameters, secret, output));
    std::vector<double> exact(x.size());
    std::vector<double> polynomial(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        exact[i] = gelu(x[i]);
        polynomial[i] = chosen.polynomial(x[i]);
    }
    fmt::print("\n{:>7} {:>12} {:>12} {:>12}\n", "x", "GELU", "polynomial", "decrypted");
    for (std::size_t i = x.size() / 16; i < x.size(); i += x.size() / 8) {
        fmt::print("{:>7.2f} {:>12.7f} {:>12.7f} {:>12.7f}\n", x[i], exact[i], polynomial[i], decrypted[i].real());
    }

    examples::heading("Result");
    // Two errors add up: that of the approximation, which is known beforehand, and that of encryption.
    constexpr double kEncryptionError = 0x1p-16;
    examples::check("against the polynomial in the clear", examples::largest_error(decrypted, polynomial),
                    kEncryptionError);
    examples::check("against GELU itself", examples::largest_error(decrypted, exact),
                    chosen.certified_error + kEncryptionError);
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
