// Median times of the kernels of every back end that this CPU runs, on one core, at ring dimension 2^16.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ckks/automorphism.h"
#include "ckks/kernels.h"
#include "ckks/primes.h"
#include "ckks/rns.h"
#include "support/parallel.h"

namespace {

using namespace polyformer::ckks;  // NOLINT(google-build-using-namespace): a program of its own

constexpr std::size_t kDimension = 65536;
constexpr std::size_t kLimbs = 24;

double median_milliseconds(const std::function<void()>& body) {
    using Clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (int i = 0; i < 21; ++i) {
        const auto start = Clock::now();
        body();
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::nth_element(times.begin(), times.begin() + 10, times.end());
    return times[10];
}

void report(const std::string& what, const std::function<void()>& body) {
    fmt::print("  {:<58} {:9.4f} ms\n", what, median_milliseconds(body));
}

std::vector<AlignedWords> random_limbs(const RnsBasis& basis) {
    std::mt19937_64 generator(1);
    std::vector<AlignedWords> limbs(basis.size(), AlignedWords(kDimension));
    for (std::size_t i = 0; i < basis.size(); ++i) {
        for (std::uint64_t& word : limbs[i]) word = generator() % basis.modulus(i).value();
    }
    return limbs;
}

void benchmark_limb_kernels(const Kernels& kernel, const RnsBasis& basis) {
    std::vector<AlignedWords> limbs = random_limbs(basis);
    const std::vector<AlignedWords> others = random_limbs(basis);
    AlignedWords out(kDimension);
    const Modulus& q = basis.modulus(0);
    report("forward NTT, one limb", [&] { kernel.forward_ntt(limbs[0].data(), basis.tables(0)); });
    report("inverse NTT, one limb", [&] { kernel.inverse_ntt(limbs[0].data(), basis.tables(0)); });
    report(fmt::format("forward NTT, {} limbs", kLimbs), [&] {
        for (std::size_t i = 0; i < kLimbs; ++i) kernel.forward_ntt(limbs[i].data(), basis.tables(i));
    });
    report(fmt::format("inverse NTT, {} limbs", kLimbs), [&] {
        for (std::size_t i = 0; i < kLimbs; ++i) kernel.inverse_ntt(limbs[i].data(), basis.tables(i));
    });
    report("add, one limb", [&] { kernel.add(out.data(), limbs[0].data(), others[0].data(), kDimension, q); });
    report("multiply, one limb",
           [&] { kernel.multiply(out.data(), limbs[0].data(), others[0].data(), kDimension, q); });
    report("multiply by a scalar, one limb",
           [&] { kernel.multiply_scalar(out.data(), limbs[0].data(), 5, kDimension, q); });
    report("centred reduction, one limb",
           [&] { kernel.reduce_centered(out.data(), limbs[0].data(), q, basis.modulus(1), kDimension); });
    const Permutation index = evaluation_permutation(kDimension, rotation_galois_element(kDimension, 3));
    report("automorphism, one limb", [&] { kernel.permute(out.data(), limbs[0].data(), index.data(), kDimension); });
    report("uniform residues from a seed, one limb", [&] {
        kernel.uniform_residues(out.data(), UniformSource{Aes256(Seed{}), 0}, 0,
                                kDimension / UniformSource::kWordsPerBlock, q);
    });

    std::vector<const std::uint64_t*> a;
    std::vector<const std::uint64_t*> b;
    for (std::size_t i = 0; i < 4; ++i) {
        a.push_back(limbs[i].data());
        b.push_back(others[i].data());
    }
    report("inner product of 4 pairs of limbs",
           [&] { kernel.inner_product(out.data(), a.data(), b.data(), a.size(), kDimension, q, false); });
}

// One limb of a 256 x 256 matrix over 128 tokens: 16 baby steps, 32 giant steps, 512 distinct weights a diagonal.
void benchmark_matrix_product(const Kernels& kernel, const RnsBasis& basis) {
    constexpr std::size_t kSources = 16;
    constexpr std::size_t kOutputs = 32;
    constexpr std::size_t kRun = 128;
    const std::vector<AlignedWords> sources = random_limbs(basis);
    const std::vector<AlignedWords> weights(kSources * kOutputs, AlignedWords(kDimension / kRun, 12345));
    std::vector<AlignedWords> outputs(kOutputs, AlignedWords(kDimension));
    std::vector<const std::uint64_t*> a;
    std::vector<const std::uint64_t*> w;
    std::vector<std::uint64_t*> out;
    for (std::size_t k = 0; k < kSources; ++k) a.push_back(sources[k].data());
    for (const AlignedWords& weight : weights) w.push_back(weight.data());
    for (AlignedWords& output : outputs) out.push_back(output.data());
    report(fmt::format("weighted sums, {} to {} limbs, runs of {}", kSources, kOutputs, kRun), [&] {
        kernel.weighted_sums(out.data(), kOutputs, a.data(), w.data(), kSources, kDimension, kRun, basis.modulus(0),
                             false);
    });
}

void benchmark_base_conversion(const RnsBasis& basis) {
    const BaseConverter converter(basis.slice(0, 8).moduli(), basis.slice(8, 16).moduli());
    const std::vector<AlignedWords> sources = random_limbs(basis);
    std::vector<AlignedWords> targets(16, AlignedWords(kDimension));
    std::vector<const std::uint64_t*> in;
    std::vector<std::uint64_t*> out;
    for (std::size_t i = 0; i < 8; ++i) in.push_back(sources[i].data());
    for (AlignedWords& target : targets) out.push_back(target.data());
    report("centred base conversion, 8 to 16 limbs", [&] { converter.convert_centered(in, out, kDimension); });
}

}  // namespace

int main() {
    polyformer::set_thread_count(1);
    const RnsBasis basis(kDimension, primes_near(0x1p50, kDimension, kLimbs, PrimeSearch::descending));
    for (const Kernels* kernel : available_kernels()) {
        fmt::print("{}\n", kernel->name);
        benchmark_limb_kernels(*kernel, basis);
        benchmark_matrix_product(*kernel, basis);
    }
    fmt::print("{} (chosen)\n", kernels().name);
    benchmark_base_conversion(basis);
    return 0;
}
