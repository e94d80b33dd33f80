// `polyformer bench kernels`: every kernel set that this CPU runs, beside what the machine can do at most.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/arithmetic/primes.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/ring/rns.h"
#include "polyformer/cli/bench/bench_commands.h"
#include "polyformer/cli/bench/work_counts.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::cli {

namespace {

using ckks::AlignedWords;
using ckks::Kernels;
using ckks::RnsBasis;

constexpr double kWordBytes = 8;
constexpr std::size_t kRow = 24;  ///< limbs of "in a row", as a ciphertext at a high level has
constexpr std::size_t kFrom = 8;
constexpr std::size_t kTo = 16;
constexpr std::size_t kPairs = 4;
// One limb of a 256 × 256 matrix over 128 tokens: 16 baby steps, 32 giant steps, each weight on a run of 128 slots.
constexpr std::size_t kSources = 16;
constexpr std::size_t kOutputs = 32;
constexpr std::size_t kRun = 128;
/// Entries that a base conversion does at a time, so that all rows of them stay in cache.
constexpr std::size_t kChunk = 1024;

/// Rows of random residues and the pointers that kernels take; shared by the closures that are timed.
struct Rows {
    std::vector<AlignedWords> words;
    std::vector<const std::uint64_t*> sources;
    std::vector<std::uint64_t*> targets;

    Rows(const RnsBasis& basis, std::size_t count, std::size_t size) : words(count, AlignedWords(size)) {
        std::mt19937_64 generator(1);
        for (std::size_t row = 0; row < count; ++row) {
            const std::uint64_t modulus = basis.modulus(row % basis.size()).value();
            for (std::uint64_t& word : words[row]) word = generator() % modulus;
            sources.push_back(words[row].data());
            targets.push_back(words[row].data());
        }
    }
    /// Pointers from `begin` on, moved on by `offset` entries.
    std::vector<const std::uint64_t*> sources_at(std::size_t begin, std::size_t count, std::size_t offset) const {
        std::vector<const std::uint64_t*> moved(sources.begin() + static_cast<std::ptrdiff_t>(begin),
                                                sources.begin() + static_cast<std::ptrdiff_t>(begin + count));
        for (const std::uint64_t*& pointer : moved) pointer += offset;
        return moved;
    }
};

struct KernelCase {
    std::string name;
    Work work;
    /// What one thread repeats.
    std::function<std::function<void()>()> make;
};

std::vector<KernelCase> transform_cases(const Kernels& kernels, const RnsBasis& basis, std::size_t n) {
    const auto transforms = [&](std::string name, std::size_t limbs, auto kernel) {
        Work work = ntt_work(n);
        const auto count = static_cast<double>(limbs);
        work = {count * work.multiply_adds, count * work.bytes, count * work.working_set};
        return KernelCase{std::move(name), work, [=, &basis] {
                              auto rows = std::make_shared<Rows>(basis, limbs, n);
                              return [=, &basis] {
                                  for (std::size_t i = 0; i < limbs; ++i) kernel(rows->targets[i], basis.tables(i));
                              };
                          }};
    };
    const auto forward = [&kernels](std::uint64_t* values, const ckks::NttTables& tables) {
        kernels.forward_ntt(values, tables);
    };
    const auto inverse = [&kernels](std::uint64_t* values, const ckks::NttTables& tables) {
        kernels.inverse_ntt(values, tables);
    };
    return {transforms("forward NTT, one limb", 1, forward), transforms("inverse NTT, one limb", 1, inverse),
            transforms(fmt::format("forward NTT, {} limbs in a row", kRow), kRow, forward),
            transforms(fmt::format("inverse NTT, {} limbs in a row", kRow), kRow, inverse)};
}

/// One limb of 8 rows to 16 others, chunk by chunk as BaseConverter does it.
KernelCase base_conversion_case(const Kernels& kernels, const RnsBasis& basis, std::size_t n) {
    return {fmt::format("base conversion, {} to {} limbs", kFrom, kTo),
            work_of(ckks::base_conversion_counts(kFrom, kTo), n), [&kernels, &basis, n] {
                auto rows = std::make_shared<Rows>(basis, kFrom + kTo, n);
                auto scaled = std::make_shared<Rows>(basis, kFrom, std::min(kChunk, n));
                return [&kernels, &basis, n, rows, scaled] {
                    const std::vector<std::uint64_t> weights(kFrom, 12345);
                    std::vector<const std::uint64_t*> weight_rows;
                    for (const std::uint64_t& weight : weights) weight_rows.push_back(&weight);
                    for (std::size_t begin = 0; begin < n; begin += kChunk) {
                        const std::size_t length = std::min(kChunk, n - begin);
                        for (std::size_t i = 0; i < kFrom; ++i) {
                            kernels.multiply_scalar(scaled->targets[i], rows->sources[i] + begin, 54321, length,
                                                    basis.modulus(i));
                        }
                        for (std::size_t j = 0; j < kTo; ++j) {
                            kernels.weighted_sum(rows->targets[kFrom + j] + begin, scaled->sources.data(),
                                                 weight_rows.data(), kFrom, length, length, basis.modulus(kFrom + j),
                                                 false);
                        }
                    }
                };
            }};
}

KernelCase product_case(const Kernels& kernels, const RnsBasis& basis, std::size_t n) {
    const auto words = static_cast<double>(n);
    // Both factors vary: two half products for the product, and two more to reduce it.
    return {"pointwise product, one limb", {2 * words, 3 * words * kWordBytes, 0}, [&kernels, &basis, n] {
                auto rows = std::make_shared<Rows>(basis, 3, n);
                return [&kernels, &basis, n, rows] {
                    kernels.multiply(rows->targets[2], rows->sources[0], rows->sources[1], n, basis.modulus(0));
                };
            }};
}

KernelCase inner_product_case(const Kernels& kernels, const RnsBasis& basis, std::size_t n) {
    const auto words = static_cast<double>(n);
    return {fmt::format("inner product of {} pairs of limbs", kPairs),
            {kPairs * words, (2.0 * kPairs + 1) * words * kWordBytes, 0},
            [&kernels, &basis, n] {
                auto rows = std::make_shared<Rows>(basis, 2 * kPairs + 1, n);
                return [&kernels, &basis, n, rows] {
                    kernels.inner_product(rows->targets.back(), rows->sources.data(), rows->sources.data() + kPairs,
                                          kPairs, n, basis.modulus(0), false);
                };
            }};
}

KernelCase weighted_sums_case(const Kernels& kernels, const RnsBasis& basis, std::size_t n) {
    const auto words = static_cast<double>(n);
    const double weights = words / kRun * kSources * kOutputs;
    return {
        fmt::format("matrix product, {} to {} limbs, runs of {}", kSources, kOutputs, kRun),
        {static_cast<double>(kSources * kOutputs) * words, ((kSources + kOutputs) * words + weights) * kWordBytes, 0},
        [&kernels, &basis, n] {
            auto rows = std::make_shared<Rows>(basis, kSources + kOutputs, n);
            auto weight_rows = std::make_shared<Rows>(basis, kSources * kOutputs, n / kRun);
            return [&kernels, &basis, n, rows, weight_rows] {
                kernels.weighted_sums(rows->targets.data() + kSources, kOutputs, rows->sources.data(),
                                      weight_rows->sources.data(), kSources, n, kRun, basis.modulus(0), false);
            };
        }};
}

KernelCase automorphism_case(const Kernels& kernels, const RnsBasis& basis, std::size_t n) {
    const auto words = static_cast<double>(n);
    return {"automorphism, one limb", {0, 2.5 * words * kWordBytes, 0}, [&kernels, &basis, n] {
                auto rows = std::make_shared<Rows>(basis, 2, n);
                auto index = std::make_shared<const ckks::Permutation>(
                    ckks::evaluation_permutation(n, ckks::rotation_galois_element(n, 3)));
                return [&kernels, n, rows, index] {
                    kernels.permute(rows->targets[1], rows->sources[0], index->data(), n);
                };
            }};
}

std::vector<KernelCase> kernel_cases(const Kernels& kernels, const RnsBasis& basis, std::size_t n) {
    std::vector<KernelCase> cases = transform_cases(kernels, basis, n);
    cases.push_back(base_conversion_case(kernels, basis, n));
    cases.push_back(product_case(kernels, basis, n));
    cases.push_back(inner_product_case(kernels, basis, n));
    cases.push_back(weighted_sums_case(kernels, basis, n));
    cases.push_back(automorphism_case(kernels, basis, n));
    return cases;
}

struct KernelsOptions {
    std::size_t ring_dimension = 65536;
    std::string json;
};

nlohmann::json measure_kernel_set(const Kernels& kernels, const RnsBasis& basis, std::size_t n, bool print) {
    const std::size_t threads = thread_count();
    const MachinePeak peak = measure_peak(kernels, threads);
    if (print) to_stdout("{}: {}\n\n", kernels.name, describe(peak));
    std::vector<std::vector<std::string>> table{{"kernel"}};
    std::ranges::copy(roofline_heading(), std::back_inserter(table[0]));
    auto measured = nlohmann::json::array();
    for (const KernelCase& one : kernel_cases(kernels, basis, n)) {
        const Timing timing = measure_on_threads(threads, one.make, {.runs = 15, .seconds = 0.1});
        const Roofline line = roofline(peak, one.work, timing.median, threads);
        nlohmann::json object = to_json(timing, one.work, line);
        object["kernel"] = one.name;
        measured.push_back(std::move(object));
        auto& row = table.emplace_back(std::vector{one.name});
        std::ranges::copy(roofline_cells(timing, one.work, line), std::back_inserter(row));
    }
    if (print) to_stdout("{}\n", format_table(table));
    return {{"name", kernels.name}, {"peak", to_json(peak)}, {"measured", measured}};
}

void bench_kernels(const KernelsOptions& options) {
    CommandFiles().writes("--json", options.json).check();
    const RnsBasis basis(options.ring_dimension,
                         ckks::primes_near(0x1p50, options.ring_dimension, kFrom + kTo, ckks::PrimeSearch::descending));
    const bool print = options.json != "-";
    if (print) {
        to_stdout("ring dimension {}, 50-bit primes, {} thread(s) with a task each; every set that this CPU runs\n\n",
                  options.ring_dimension, thread_count());
    }
    auto sets = nlohmann::json::array();
    for (const Kernels* kernels : ckks::available_kernels()) {
        sets.push_back(measure_kernel_set(*kernels, basis, options.ring_dimension, print));
    }
    write_json({{"ring_dimension", options.ring_dimension}, {"threads", thread_count()}, {"kernel_sets", sets}},
               options.json);
}

}  // namespace

void add_bench_kernels(CLI::App& bench) {
    auto options = std::make_shared<KernelsOptions>();
    auto* command = bench.add_subcommand("kernels", "Every kernel of every kernel set, beside the machine's peak");
    command->footer(
        "Examples:\n  polyformer bench kernels --threads 1\n  polyformer bench kernels --threads 2 --json "
        "kernels.json");
    command->add_option("--ring", options->ring_dimension, "Ring dimension")
        ->check(CLI::IsMember({4096, 8192, 16384, 32768, 65536, 131072}))
        ->capture_default_str();
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { bench_kernels(*options); });
}

}  // namespace polyformer::cli
