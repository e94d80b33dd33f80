// 4. A bootstrap: what to do when the levels have run out.
//
// Bootstrapping takes a ciphertext at the lowest levels and makes one of the same message near the top of the chain,
// without the secret key. It is by far the most expensive operation, it costs some precision, and it fails with a
// small, known probability.
//
// The program computes the sign of encrypted numbers by an iteration that needs more levels than there are.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <vector>

#include "narration.h"
#include "polyformer/ckks/ckks.h"
#include "polyformer/support/system/process.h"

using namespace polyformer::ckks;

int main(int argc, char** argv) try {
    examples::heading("Parameters: a longer chain, of which bootstrapping uses the upper half");
    const Parameters parameters =
        Parameters::create(examples::parameters_from(argc, argv, presets::bootstrapping_65536()));
    const int top = parameters.working_level();
    const int lowest = parameters.bootstrapping_input_level();
    const BootstrappingLiteral& bootstrapping = *parameters.literal().bootstrapping;
    fmt::print("ring dimension               {:>6}\n", parameters.ring_dimension());
    fmt::print("security in bits             {:>6}\n", parameters.security_bits());
    fmt::print("levels of the whole chain    {:>6}\n", parameters.max_level());
    fmt::print("working levels               {:>6}   what lies above is for bootstrapping itself\n", top);
    fmt::print("levels left for its start    {:>6}   a bootstrap starts here or higher\n", lowest);
    fmt::print("failure probability          2^{:.1f} for each bootstrap\n",
               log2_bootstrap_failure(parameters.ring_dimension(), bootstrapping.ephemeral_secret_weight,
                                      bootstrapping.interval));

    examples::heading("Keys");
    const SecretKey secret = SecretKey::generate(parameters);
    // The bootstrapper knows which keys it needs, each at the level where it is used.
    KeyRequest request = Bootstrapper::key_request(parameters, parameters.slots());
    fmt::print("{} rotation keys, {:.0f} MB in memory …\n", request.rotation_levels.size(),
               1e-6 * static_cast<double>(request.memory_bytes(parameters)));
    const polyformer::Stopwatch making;
    const Evaluator evaluator(
        parameters, std::make_shared<const EvaluationKeys>(KeyGenerator(parameters, secret).evaluation_keys(request)));
    fmt::print("made in {:.1f} s\n", making.seconds());
    const Encoder& encoder = evaluator.encoder();
    const polyformer::Stopwatch preparing;
    const Bootstrapper bootstrapper(parameters, parameters.slots());  // set up once, used as often as needed
    fmt::print("bootstrapper set up in {:.1f} s, {:.0f} MB\n", preparing.seconds(),
               1e-6 * static_cast<double>(bootstrapper.bytes()));

    examples::heading(
        "Levels run out: x ← x·(3 − x²)/2, again and again, tends to the sign of x; two levels each time");
    std::vector<double> x(parameters.slots());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
    Ciphertext a = encrypt(parameters, secret, encoder.encode(x, top, parameters.scale(top)));
    const auto error = [&] { return examples::largest_error(encoder.decode(decrypt(parameters, secret, a)), x); };
    const auto show = [&](const char* step) {
        const auto settled = std::ranges::count_if(x, [](double value) { return std::abs(value) > 0.999; });
        fmt::print("{:<12} level {:>2}, precision {:>4.1f} bits, {:>5.1f} % of the numbers are ±1 to three digits\n",
                   step, a.level, examples::bits(error()),
                   100 * static_cast<double>(settled) / static_cast<double>(x.size()));
    };
    const auto iterate = [&] {
        const Ciphertext square = evaluator.rescale(evaluator.square(a));
        const Ciphertext half = evaluator.rescale(evaluator.multiply_constant(a, 0.5));
        a = evaluator.rescale(evaluator.multiply(half, evaluator.add_constant(evaluator.negate(square), 3)));
        for (double& value : x) value *= (3 - value * value) / 2;  // the same in the clear
        show("iteration");
    };
    show("encrypted");
    while (a.level - 2 >= lowest) iterate();

    examples::heading("Bootstrap");
    show("before");
    const polyformer::Stopwatch watch;
    const Ciphertext low = a;
    a = bootstrapper.bootstrap_real(evaluator, low);  // real numbers in [−1, 1]
    const double seconds = watch.seconds();
    show("after");
    fmt::print("{} levels regained in {:.2f} s, {:.3f} s a level\n", a.level - low.level, seconds,
               seconds / (a.level - low.level));
    const polyformer::Stopwatch pair_watch;
    bootstrapper.bootstrap_pair(evaluator, low, low);  // one as real part, one as imaginary part
    fmt::print("two ciphertexts at once: {:.2f} s\n", pair_watch.seconds());

    examples::heading("And on");
    for (int i = 0; i < 4; ++i) iterate();

    examples::heading("Result");
    fmt::print("{} levels used in all; without a bootstrap there are {}\n", top - lowest + 8, top);
    examples::check("12 iterations against the same in the clear", error(), 0x1p-13);
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
