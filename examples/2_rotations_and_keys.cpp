// 2. Rotations and keys: how numbers move between slots, and which keys that takes.
//
// Slots do not mix by themselves. A rotation by s brings slot i + s to slot i, cyclically; conjugation conjugates every
// slot. Each rotation step needs a key of its own, and keys are large: which ones are made is asked for in a
// KeyRequest, with the highest level at which each will be used.
//
// The program sums groups of 8 slots, takes real parts, and shows what hoisting saves.
#include <fmt/format.h>

#include <complex>
#include <exception>
#include <memory>
#include <numeric>
#include <vector>

#include "narration.h"
#include "polyformer/ckks/ckks.h"
#include "polyformer/support/system/process.h"

using namespace polyformer::ckks;

namespace {

/// Megabytes.
double mb(std::size_t bytes) {
    return 1e-6 * static_cast<double>(bytes);
}

}  // namespace

int main(int argc, char** argv) try {
    const Parameters parameters = Parameters::create(examples::parameters_from(argc, argv, presets::leveled_16384()));
    const SecretKey secret = SecretKey::generate(parameters);
    const Encoder encoder(parameters);
    const int top = parameters.working_level();

    examples::heading("Keys are asked for, step by step and level by level");
    KeyRequest request;  // nothing yet; no relinearisation key, as there are no products of ciphertexts here
    for (const long step : {1, 2, 4}) request.add_rotation(parameters, step, top);
    request.add_rotation(parameters, 7, 1);  // used at level 1 and below only: a much smaller key
    request.add_conjugation(parameters, top);
    fmt::print("{:>5} {:>6} {:>10}\n", "step", "level", "key size");
    for (const auto& [step, level] : request.rotation_levels) {
        KeyRequest one;
        one.add_rotation(parameters, step, level);
        fmt::print("{:>5} {:>6} {:>7.2f} MB\n", step, level, mb(one.memory_bytes(parameters)));
    }
    fmt::print("all, with conjugation: {:.2f} MB in memory, {:.2f} MB in a file\n",
               mb(request.memory_bytes(parameters)), mb(request.file_bytes(parameters)));
    const polyformer::Stopwatch making;
    const auto keys = std::make_shared<const EvaluationKeys>(KeyGenerator(parameters, secret).evaluation_keys(request));
    fmt::print("made in {:.2f} s\n", making.seconds());
    const Evaluator evaluator(parameters, keys);

    examples::heading("Rotation and conjugation");
    std::vector<std::complex<double>> z(parameters.slots());
    for (std::size_t i = 0; i < z.size(); ++i) {
        z[i] = {static_cast<double>(i) / static_cast<double>(z.size()), static_cast<double>(i % 8) / 8};
    }
    const Ciphertext a = encrypt(parameters, secret, encoder.encode(z, top, parameters.scale(top)));
    const auto decrypted = [&](const Ciphertext& ciphertext) {
        return encoder.decode(decrypt(parameters, secret, ciphertext));
    };
    const auto show = [](const char* what, const std::vector<std::complex<double>>& values) {
        fmt::print("{:<28}", what);
        for (std::size_t i = 0; i < 5; ++i) fmt::print(" {:>7.4f}{:+.4f}i", values[i].real(), values[i].imag());
        fmt::print(" …\n");
    };
    show("z", decrypted(a));
    show("z rotated by 1", decrypted(evaluator.rotate(a, 1)));
    show("z conjugated", decrypted(evaluator.conjugate(a)));
    // No products, so no level is used: level and scale stay as they are.
    const Ciphertext twice_real = evaluator.add(a, evaluator.conjugate(a));
    show("z + conjugate = 2·Re z", decrypted(twice_real));

    examples::heading("Sums over groups of slots: log2(8) = 3 rotations, by 1, 2 and 4");
    const Ciphertext sums = evaluator.sum_slots(a, 8);
    show("Σ of 8 neighbours", decrypted(sums));
    std::vector<std::complex<double>> expected(z.size());
    for (std::size_t i = 0; i < z.size(); ++i) {
        for (std::size_t k = 0; k < 8; ++k) expected[i] += z[(i + k) % z.size()];
    }

    examples::heading("A key that is not there, or not for this level");
    for (const long step : {3, 7}) {
        try {
            evaluator.rotate(a, step);
        } catch (const polyformer::Error& refused) {
            fmt::print("rotating by {} at level {} is refused:\n  {}\n", step, a.level, refused.what());
        }
    }
    show("by 7, once at level 1", decrypted(evaluator.rotate(evaluator.drop_to_level(a, 1), 7)));

    examples::heading("Hoisting: several rotations of one ciphertext share the first half of the work");
    constexpr int kRounds = 20;
    const polyformer::Stopwatch plain;
    for (int round = 0; round < kRounds; ++round) {
        for (const long step : {1, 2, 4}) evaluator.rotate(a, step);
    }
    const double plain_seconds = plain.seconds();
    const polyformer::Stopwatch hoisted_watch;
    Ciphertext by_two;
    for (int round = 0; round < kRounds; ++round) {
        const HoistedCiphertext hoisted = evaluator.hoist(a);
        for (const long step : {1, 2, 4}) {
            Ciphertext rotated = evaluator.rotate(hoisted, step);
            if (step == 2) by_two = std::move(rotated);
        }
    }
    const double hoisted_seconds = hoisted_watch.seconds();
    fmt::print("three rotations: {:.2f} ms one by one, {:.2f} ms hoisted\n", 1e3 * plain_seconds / kRounds,
               1e3 * hoisted_seconds / kRounds);

    examples::heading("Result");
    examples::check("sums of 8 slots", examples::largest_error(decrypted(sums), expected), 0x1p-18);
    std::rotate(z.begin(), z.begin() + 2, z.end());  // slot i of the result is slot i + 2
    examples::check("hoisted rotation by 2", examples::largest_error(decrypted(by_two), z), 0x1p-18);
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
