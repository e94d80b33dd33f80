// Precision and cost of bootstrapping at full size: what docs/parameters.md promises for
// presets::bootstrapping_65536().
#include <gtest/gtest.h>

#include <cstdio>

#include "polyformer/ckks/bootstrapping/bootstrapping.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/process.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {
namespace {

struct Precision {
    double mean_bits = 0;
    double worst_bits = 0;
};

/// Mean and least of −log2|error| over real parts.
Precision precision_of(std::span<const Complex> actual, std::span<const Complex> expected) {
    Precision precision{0, 60};
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const double bits = -std::log2(larger(std::abs(actual[i].real() - expected[i].real()), 0x1p-60));
        precision.mean_bits += bits / static_cast<double>(actual.size());
        precision.worst_bits = smaller(precision.worst_bits, bits);
    }
    return precision;
}

double gibibytes(std::size_t bytes) {
    return static_cast<double>(bytes) * 0x1p-30;
}

void expect_precision(const char* name, const Precision& precision, double mean_bits, double worst_bits) {
    std::printf("%s: mean %.2f bits, worst slot %.2f bits\n", name, precision.mean_bits, precision.worst_bits);
    EXPECT_GE(precision.mean_bits, mean_bits) << name;
    EXPECT_GE(precision.worst_bits, worst_bits) << name;
}

TEST(Bootstrap65536, PrecisionKeysAndTime) {
    const CircuitScheme scheme(presets::bootstrapping_65536());
    const Parameters& parameters = scheme.parameters();
    ASSERT_EQ(parameters.security_bits(), 128);
    const std::size_t slots = parameters.slots();
    const std::size_t few = std::size_t{1} << 10;

    // Sparse packing needs its own trace's and transforms' steps: asked for together, shared where equal.
    const KeyRequest full = Bootstrapper::key_request(parameters, slots);
    std::printf("%zu rotation keys, all keys %.2f GiB\n", full.rotations(), gibibytes(full.memory_bytes(parameters)));
    // Of these 32 have a single digit over two special primes, a fifth of the others' bytes: more keys, and less of
    // them.
    EXPECT_LE(full.rotations(), 112U);
    EXPECT_LE(gibibytes(full.memory_bytes(parameters)), 2.25);

    const int level = parameters.bootstrapping_input_level();
    const auto bootstrap = [&](std::size_t count, const KeyRequest& request, const auto& body) {
        Stopwatch keys;
        const Evaluator evaluator = scheme.evaluator(request);
        const double key_seconds = keys.seconds();
        Stopwatch setup;
        const Bootstrapper bootstrapper(parameters, count);
        std::printf("%zu slots: keys %.1f s, set-up %.1f s, plaintexts %.2f GiB\n", count, key_seconds, setup.seconds(),
                    gibibytes(bootstrapper.bytes()));
        EXPECT_LE(gibibytes(bootstrapper.bytes()), 0.95);
        body(evaluator, bootstrapper);
    };

    bootstrap(slots, full, [&](const Evaluator& evaluator, const Bootstrapper& bootstrapper) {
        const auto x = as_complex(random_reals(slots, 1));
        const auto y = as_complex(random_reals(slots, 2));
        const Ciphertext first = scheme.encrypt(x, level);
        const Ciphertext second = scheme.encrypt(y, level);
        const Stopwatch real;
        const Ciphertext result = bootstrapper.bootstrap_real(evaluator, first);
        std::printf("one real bootstrap: %.2f s\n", real.seconds());
        EXPECT_EQ(result.level, parameters.working_level());
        EXPECT_EQ(result.level - level, 16);
        EXPECT_EQ(result.scale, parameters.scale(result.level));
        expect_precision("uniform in [-1, 1]", precision_of(scheme.decrypt(result), x), 22, 16.5);

        const Stopwatch pair;
        const auto [u, v] = bootstrapper.bootstrap_pair(evaluator, first, second);
        std::printf("two real messages as one complex: %.2f s\n", pair.seconds());
        expect_precision("pair, first", precision_of(scheme.decrypt(u), x), 22, 16.5);
        expect_precision("pair, second", precision_of(scheme.decrypt(v), y), 22, 16.5);

        const std::vector<Complex> ones(slots, 1.0);
        const Ciphertext largest = bootstrapper.bootstrap_real(evaluator, scheme.encrypt(ones, level));
        expect_precision("all ones", precision_of(scheme.decrypt(largest), ones), 21.5, 16.5);
    });

    const KeyRequest sparse = Bootstrapper::key_request(parameters, few);
    bootstrap(few, sparse, [&](const Evaluator& evaluator, const Bootstrapper& bootstrapper) {
        const auto x = as_complex(random_reals(few, 3));
        const Ciphertext result = bootstrapper.bootstrap_real(evaluator, scheme.encrypt(x, level));
        expect_precision("sparse", precision_of(scheme.decrypt(result), x), 22, 16.5);
    });
}

}  // namespace
}  // namespace polyformer::ckks::testing
