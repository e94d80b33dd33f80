// Encodes, encrypts, computes and bootstraps with fixed randomness, and prints a digest of each result: to be equal,
// bit by bit, whichever kernels POLYFORMER_KERNELS names. With --list: the kernel sets that this CPU runs.
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <complex>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/digest.h"
#include "polyformer/support/system/parallel.h"

namespace {

using namespace polyformer::ckks;  // NOLINT(google-build-using-namespace): a program of its own

// A stand-in for the system's randomness: block after block of the same stream in every process.

std::uint32_t stream_position = 0;

void fixed_bytes(void* out, std::size_t size) {
    std::array<unsigned char, randombytes_SEEDBYTES> seed{};
    std::memcpy(seed.data(), &stream_position, sizeof stream_position);
    ++stream_position;
    randombytes_buf_deterministic(out, size, seed.data());
}

std::uint32_t fixed_word() {
    std::uint32_t word = 0;
    fixed_bytes(&word, sizeof word);
    return word;
}

const char* fixed_name() {
    return "fixed";
}

void use_fixed_randomness() {
    static randombytes_implementation fixed{.implementation_name = fixed_name,
                                            .random = fixed_word,
                                            .stir = nullptr,
                                            .uniform = nullptr,
                                            .buf = fixed_bytes,
                                            .close = nullptr};
    randombytes_set_implementation(&fixed);
}

class ResultDigest {
  public:
    void add(const RnsPolynomial& polynomial) {
        for (std::size_t i = 0; i < polynomial.limbs(); ++i) hash_.update(std::as_bytes(polynomial.limb(i)));
    }
    void print(std::string_view stage) { fmt::print("{:<12} {}\n", stage, polyformer::to_hex(hash_.finish())); }

  private:
    polyformer::Blake2b hash_;
};

void print(std::string_view stage, const Ciphertext& ciphertext) {
    ResultDigest digest;
    for (const RnsPolynomial& component : ciphertext.components) digest.add(component);
    digest.print(stage);
}

void print(std::string_view stage, const Plaintext& plaintext) {
    ResultDigest digest;
    digest.add(plaintext.polynomial);
    digest.print(stage);
}

void run_pipeline() {
    const auto parameters = Parameters::create(presets::insecure_bootstrapping(1024));
    const int level = parameters.working_level();
    const auto secret = SecretKey::generate(parameters);
    KeyRequest request = Bootstrapper::key_request(parameters, parameters.slots());
    request.add_rotation(parameters, 5, level);
    request.add_relinearisation(parameters, level);
    const Evaluator evaluator(
        parameters, std::make_shared<const EvaluationKeys>(KeyGenerator(parameters, secret).evaluation_keys(request)));
    std::vector<double> message(parameters.slots());
    for (std::size_t slot = 0; slot < message.size(); ++slot) {
        message[slot] = static_cast<double>(slot * 37 % 1000) / 500 - 1;
    }
    const Plaintext plaintext = evaluator.encoder().encode(message, level, parameters.scale(level));
    print("encode", plaintext);
    const Ciphertext fresh = encrypt(parameters, secret, plaintext);
    print("encrypt", fresh);
    const Ciphertext rotated = evaluator.rotate(fresh, 5);
    print("rotate", rotated);
    const Ciphertext product = evaluator.multiply(fresh, rotated);
    print("multiply", product);
    const Ciphertext rescaled = evaluator.rescale(product);
    print("rescale", rescaled);
    const Ciphertext lowered = evaluator.adjust(rescaled, parameters.bootstrapping_input_level());
    print("adjust", lowered);
    const Ciphertext refreshed = Bootstrapper(parameters, parameters.slots()).bootstrap_real(evaluator, lowered);
    print("bootstrap", refreshed);
    const Plaintext opened = decrypt(parameters, secret, refreshed);
    print("decrypt", opened);

    double greatest = 0;
    const auto slots = evaluator.encoder().decode(opened, message.size());
    for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        const double expected = message[slot] * message[(slot + 5) % message.size()];
        greatest = polyformer::larger(greatest, std::abs(slots[slot].real() - expected));
    }
    fmt::print("right        {}\n", greatest < 1e-3);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--list") {
        for (const Kernels* kernels : available_kernels()) fmt::print("{}\n", kernels->name);
        return 0;
    }
    use_fixed_randomness();
    polyformer::set_thread_count(1);  // so that randomness is drawn in one order
    run_pipeline();
    return 0;
}
