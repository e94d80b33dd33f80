#include "polyformer/calibration/measured_costs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "polyformer/calibration/machine.h"
#include "polyformer/calibration/workbench.h"
#include "polyformer/ckks/arithmetic/shared_bytes.h"
#include "polyformer/ckks/bootstrapping/bootstrap_counts.h"
#include "polyformer/ckks/circuits/plaintext_sums.h"
#include "polyformer/ckks/evaluator/operation_counts.h"
#include "polyformer/ckks/ring/rns.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::calibration {

namespace {

using ckks::Ciphertext;
using ckks::OperationCounter;
using ckks::OperationCounts;
using ckks::Parameters;

/// Of a conversion of one digit to all other rows at `level`, by products of words.
Seconds conversion_word(const Parameters& parameters, int level, const Effort& effort,
                        std::span<const Ciphertext> ciphertexts) {
    const auto from = static_cast<std::size_t>(parameters.special_count());
    const std::size_t to = static_cast<std::size_t>(level) + 1;
    const std::size_t n = parameters.ring_dimension();
    const ckks::BaseConverter converter(parameters.moduli(level, 0, from), parameters.moduli(level, from, from + to));
    ckks::RnsPolynomial results = ckks::RnsPolynomial::uninitialised(n, to);
    std::vector<std::uint64_t*> out;
    for (std::size_t row = 0; row < to; ++row) out.push_back(results.limb(row).data());
    const Seconds seconds = median_seconds(effort, [&](std::size_t run) {
        const ckks::RnsPolynomial& source = ciphertexts[run % ciphertexts.size()].components[0];
        std::vector<const std::uint64_t*> in;
        for (std::size_t row = 0; row < from; ++row) in.push_back(source.limb(row).data());
        converter.convert_centered(in, out, n);
    });
    return seconds / static_cast<double>(from * to * n);
}

/// A map's sums: many rotated ciphertexts, some sums of all of them, weights with a short period.
Seconds product_word(const Parameters& parameters, const Effort& effort, std::span<const Ciphertext> ciphertexts) {
    constexpr std::size_t kSources = 24;
    constexpr std::size_t kSums = 8;
    const std::size_t n = parameters.ring_dimension();
    const std::size_t run_length = std::max<std::size_t>(1, n / 1024);
    const auto rows = static_cast<std::size_t>(ciphertexts.front().level) + 1;
    Random random;
    ckks::RnsPolynomial weight = ckks::RnsPolynomial::uninitialised(n / run_length, kSources * kSums);
    for (std::size_t k = 0; k < weight.limbs(); ++k) {
        std::ranges::generate(weight.limb(k), [&] { return random() >> 30; });
    }
    std::vector<const std::uint64_t*> weights;
    for (std::size_t k = 0; k < weight.limbs(); ++k) weights.push_back(std::as_const(weight).limb(k).data());
    std::vector<const std::uint64_t*> limbs;
    for (const Ciphertext& ciphertext : ciphertexts) {
        for (const ckks::RnsPolynomial& component : ciphertext.components) {
            for (std::size_t row = 0; row < rows; ++row) limbs.push_back(component.limb(row).data());
        }
    }
    std::vector<ckks::RnsPolynomial> sums;
    for (std::size_t c = 0; c < 2; ++c) sums.push_back(ckks::RnsPolynomial::uninitialised(n, rows * kSums));
    const Seconds seconds = median_seconds(effort, [&](std::size_t) {
        parallel_for(rows, [&](std::size_t row) {
            std::vector<ckks::LimbSums> operands(2);
            for (std::size_t c = 0; c < 2; ++c) {
                for (std::size_t k = 0; k < kSources; ++k) {
                    operands[c].sources.push_back(limbs[((2 * row + c) * kSources + k) % limbs.size()]);
                }
                for (std::size_t s = 0; s < kSums; ++s) {
                    operands[c].results.push_back(sums[c].limb(row * kSums + s).data());
                }
            }
            // One prime for all rows: residues of another one below it are as good.
            ckks::plaintext_sums(operands, weights, n, run_length, parameters.p(0).modulus());
        });
    });
    return seconds / static_cast<double>(2 * rows * kSources * kSums * n);
}

Seconds encoding_word(const Parameters& parameters, int level, const Effort& effort) {
    const std::size_t period = std::min<std::size_t>(512, parameters.slots() / 2);
    const std::size_t count = 16 * thread_count();
    const ckks::Encoder encoder(parameters);
    std::vector<std::complex<double>> values(period);
    for (std::size_t i = 0; i < period; ++i) values[i] = 1.0 / static_cast<double>(i + 1);
    const Seconds seconds = median_seconds(effort, [&](std::size_t) {
        parallel_for(count, [&](std::size_t) { encoder.encode_periodic(values, level, parameters.scale(level)); });
    });
    return seconds / static_cast<double>(count * 2 * period * (static_cast<std::size_t>(level) + 1));
}

/// What was measured of key switches at one level.
struct KeySwitchTimes {
    OperationCounter at;
    Seconds decomposition;
    Seconds division;
    Seconds hoisted_rotation;
};

struct Times {
    std::vector<KeySwitchTimes> key_switches;
    Seconds conversion_word;
    Seconds product_word;
    Seconds inner_word;
    Seconds encoding_word;
    Seconds sum_word;
};

Times measure(const Parameters& parameters, const Effort& effort, const CalibrationProgress& progress) {
    // Where most maps and products lie, and where special primes are most of the rows.
    const std::array levels{parameters.working_level(), parameters.working_level() / 2, 4};
    constexpr double kMeasured = 12;
    double done = 0;
    const auto advance = [&] {
        if (progress) progress(++done / kMeasured);
    };
    const std::shared_ptr<std::byte> memory = ckks::allocate_pages(effort.bytes);
    Random random;
    for (std::size_t i = 0; i + sizeof(std::uint64_t) <= effort.bytes; i += sizeof(std::uint64_t)) {
        const std::uint64_t word = random();
        std::memcpy(memory.get() + i, &word, sizeof(word));
    }
    const auto n = static_cast<double>(parameters.ring_dimension());
    Times times;
    for (const int level : levels) {
        const Workbench bench(parameters, level, effort, memory);
        const double limbs = bench.at().limbs();
        if (level == levels[0]) {
            times.conversion_word = conversion_word(parameters, level, effort, bench.ciphertexts());
            advance();
        }
        if (level == levels[1]) {
            times.inner_word = bench.inner_product() / (4 * limbs * n);
            times.sum_word = bench.sum() / (2 * limbs * n);
            times.product_word = product_word(parameters, effort, bench.ciphertexts());
            advance();
            times.encoding_word = encoding_word(parameters, level, effort);
            advance();
        }
        const Seconds decomposition = bench.decomposition();
        advance();
        const Seconds division = bench.division();
        advance();
        times.key_switches.push_back({bench.at(), decomposition, division, bench.hoisted_rotation()});
        advance();
    }
    return times;
}

compile::CostModel costs_of(const Parameters& parameters, const Times& times, double Seconds::*kind) {
    const auto n = static_cast<double>(parameters.ring_dimension());
    const double ring = compile::ring_factor(parameters);
    compile::CostModel costs;
    costs.threads = static_cast<double>(thread_count());
    costs.machine = this_machine();
    costs.conversion_word = times.conversion_word.*kind;
    costs.product_word = times.product_word.*kind;
    costs.inner_word = times.inner_word.*kind;
    costs.encoding_word = times.encoding_word.*kind;
    costs.sum_word = times.sum_word.*kind;
    // A transform's price is what is left of raising and of dividing, passes over memory and all.
    costs.ntt = costs.key_word = 0;
    const auto count = static_cast<double>(times.key_switches.size());
    for (const KeySwitchTimes& at_level : times.key_switches) {
        const OperationCounts both = at_level.at.decomposition() + at_level.at.division();
        const double transforms = at_level.decomposition.*kind + at_level.division.*kind -
                                  n * costs.conversion_word * both.conversion_products;
        const double key = at_level.hoisted_rotation.*kind - at_level.division.*kind;
        costs.ntt += transforms / (both.transforms * ring) / count;
        costs.key_word += key / (n * at_level.at.key_product().key_limbs) / count;
    }
    // Differences can come out as nothing where times vary.
    const compile::CostModel built_in;
    for (double compile::CostModel::*cost :
         {&compile::CostModel::ntt, &compile::CostModel::conversion_word, &compile::CostModel::product_word,
          &compile::CostModel::inner_word, &compile::CostModel::key_word, &compile::CostModel::encoding_word,
          &compile::CostModel::sum_word}) {
        costs.*cost = std::max(costs.*cost, built_in.*cost / 100);
    }
    const auto bootstrap = [&](std::size_t ciphertexts) {
        OperationCounts counts = ckks::bootstrap_counts(parameters, ciphertexts);
        // Most products are with plaintexts of a short period.
        counts.conversion_products += std::exchange(counts.products, 0);
        return costs.threads * costs.seconds(parameters, counts) / ring;
    };
    costs.bootstrap = bootstrap(1);
    costs.bootstrap_second = bootstrap(2) - costs.bootstrap;
    return costs;
}

}  // namespace

compile::CostModel measure_costs(const Parameters& parameters, const Effort& effort,
                                 const CalibrationProgress& progress) {
    constexpr double kBusy = 0.1;
    const OthersWork others;
    const Times times = measure(parameters, effort, progress);
    return costs_of(parameters, times, others.share() > kBusy ? &Seconds::processor : &Seconds::clock);
}

}  // namespace polyformer::calibration
