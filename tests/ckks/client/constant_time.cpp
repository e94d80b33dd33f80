// Watches that secrets decide neither a branch nor an address: to be run under Valgrind's memcheck, which reports any
// jump or access that depends on memory marked undefined. Random numbers, from which all secrets come, are marked; what
// the machine code does with them then shows, whatever the compiler made of the source. (After A. Langley's ctgrind.)
//
//     valgrind --error-exitcode=1 constant_time PART
#include <sodium.h>
#include <sys/random.h>
#include <valgrind/memcheck.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "polyformer/ckks/client/encryption.h"
#include "polyformer/ckks/client/key_generator.h"
#include "polyformer/ckks/client/sampling.h"
#include "polyformer/ckks/client/secret_key.h"
#include "polyformer/support/system/parallel.h"

namespace {

using namespace polyformer;
using namespace polyformer::ckks;

/// Stands in for libsodium's generator. Seeds and names of key sets are the only draws of 32 bytes, and public.
void random_secret(void* out, std::size_t bytes) {
    for (std::size_t done = 0; done < bytes;) {
        const ssize_t count = getrandom(static_cast<char*>(out) + done, bytes - done, 0);
        if (count < 0) std::abort();
        done += static_cast<std::size_t>(count);
    }
    if (bytes != sizeof(Seed)) VALGRIND_MAKE_MEM_UNDEFINED(out, bytes);
}

void mark_random_numbers() {
    static randombytes_implementation implementation{};
    implementation.implementation_name = [] { return "watched"; };
    implementation.buf = random_secret;
    implementation.random = [] {
        std::uint32_t value = 0;
        random_secret(&value, sizeof(value));
        return value;
    };
    if (randombytes_set_implementation(&implementation) != 0) std::abort();
}

/// Ends the program unless the mark has come through to what was computed: else nothing was watched.
void require_marked(const void* residues) {
    std::uint64_t mark = 0;
    VALGRIND_GET_VBITS(residues, &mark, sizeof(mark));
    if (mark != 0) return;
    std::fputs("a result does not depend on random numbers\n", stderr);
    std::exit(2);
}

void require_marked(const RnsPolynomial& polynomial) {
    require_marked(polynomial.limb(0).data());
}

Parameters small_parameters() {
    return Parameters::create(presets::insecure_bootstrapping(1024));
}

void sample() {
    std::vector<std::int8_t> values(1000);
    sample_gaussian(values);
    sample_ternary(values);
    sample_sparse_ternary(values, 32);
}

void generate_keys() {
    const Parameters parameters = small_parameters();
    const SecretKey secret = SecretKey::generate(parameters);
    const KeyGenerator generator(parameters, secret);
    KeyRequest request;
    request.add_relinearisation(parameters, 3);
    request.add_conjugation(parameters, 2);
    request.add_rotation(parameters, 5, 2);
    request.bootstrapping = true;
    request.add_rotation(parameters, KeyRole::sparse_to_dense, 3, 0);
    request.add_rotation(parameters, KeyRole::low_rotation, 3, 0);
    const EvaluationKeys keys = generator.evaluation_keys(request);
    for (const auto& [id, key] : keys.all()) require_marked(key->b.front().bytes().data());
    require_marked(generator.public_key().b);
}

void encrypt_and_decrypt() {
    const Parameters parameters = small_parameters();
    const SecretKey secret = SecretKey::generate(parameters);
    Plaintext plaintext;
    plaintext.level = 2;
    plaintext.scale = parameters.scale(2);
    plaintext.slots = parameters.slots();
    plaintext.polynomial = RnsPolynomial(parameters.ring_dimension(), 3);
    const Ciphertext ciphertext = encrypt(parameters, secret, plaintext);
    require_marked(ciphertext.components.front());
    require_marked(decrypt(parameters, secret, ciphertext).polynomial);
    const Ciphertext other = encrypt(parameters, KeyGenerator(parameters, secret).public_key(), plaintext);
    require_marked(other.components.back());
}

/// What must be found: proof that something is watched.
void leak() {
    std::vector<std::int8_t> values(64);
    sample_ternary(values);
    int zeros = 0;
    for (const std::int8_t value : values) {
        if (value == 0) std::printf("%d\n", ++zeros);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::map<std::string, std::function<void()>> parts{{"sample", sample},
                                                             {"generate-keys", generate_keys},
                                                             {"encrypt-and-decrypt", encrypt_and_decrypt},
                                                             {"leak", leak}};
    const auto part = argc == 2 ? parts.find(argv[1]) : parts.end();
    if (part == parts.end() || RUNNING_ON_VALGRIND == 0) {
        std::fprintf(stderr, "usage: valgrind --error-exitcode=1 %s sample|generate-keys|encrypt-and-decrypt|leak\n",
                     argv[0]);
        return 2;
    }
    set_thread_count(1);
    mark_random_numbers();
    part->second();
    return 0;
}
