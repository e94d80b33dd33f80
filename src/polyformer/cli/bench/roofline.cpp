#include "polyformer/cli/bench/roofline.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/arithmetic/modulus.h"

namespace polyformer::cli {

namespace {

using ckks::AlignedWords;

constexpr double kWordBytes = sizeof(std::uint64_t);
constexpr Repetition kShort{.runs = 15, .seconds = 0.05};

const ckks::Modulus& any_modulus() {
    static const ckks::Modulus modulus((std::uint64_t{1} << 50) - 27);
    return modulus;
}

/// Arrays for one thread's part of a measurement.
struct Arrays {
    std::vector<AlignedWords> words;
    std::vector<const std::uint64_t*> sources;
    std::vector<std::uint64_t*> targets;

    Arrays(std::size_t count, std::size_t size) : words(count, AlignedWords(size, 0x123456789abULL)) {
        for (AlignedWords& array : words) {
            sources.push_back(array.data());
            targets.push_back(array.data());
        }
    }
};

/// Multiply-adds a second of an inner product over operands within 32 KiB.
double inner_product_rate(const ckks::Kernels& kernels, std::size_t threads) {
    static constexpr std::size_t kCount = 64;
    static constexpr std::size_t kSize = 32;
    static constexpr std::size_t kRepeats = 200;
    const Timing timing = measure_on_threads(
        threads,
        [&] {
            auto a = std::make_shared<Arrays>(2 * kCount + 1, kSize);
            return [&kernels, a] {
                for (std::size_t i = 0; i < kRepeats; ++i) {
                    kernels.inner_product(a->targets.back(), a->sources.data(), a->sources.data() + kCount, kCount,
                                          kSize, any_modulus(), false);
                }
            };
        },
        kShort);
    return static_cast<double>(threads * kCount * kSize * kRepeats) / timing.median;
}

/// Multiply-adds a second of weighted sums with one weight a source, the form of a base conversion.
double weighted_sums_rate(const ckks::Kernels& kernels, std::size_t threads) {
    static constexpr std::size_t kSources = 64;
    static constexpr std::size_t kOutputs = 8;
    static constexpr std::size_t kSize = 32;
    static constexpr std::size_t kRepeats = 100;
    const Timing timing = measure_on_threads(
        threads,
        [&] {
            auto a = std::make_shared<Arrays>(kSources + kOutputs, kSize);
            auto weights = std::make_shared<Arrays>(kSources * kOutputs, 1);
            return [&kernels, a, weights] {
                for (std::size_t i = 0; i < kRepeats; ++i) {
                    kernels.weighted_sums(a->targets.data() + kSources, kOutputs, a->sources.data(),
                                          weights->sources.data(), kSources, kSize, kSize, any_modulus(), false);
                }
            };
        },
        kShort);
    return static_cast<double>(threads * kSources * kOutputs * kSize * kRepeats) / timing.median;
}

/// Multiply-adds a second of pointwise products, each counted as two: one of them reduces.
double product_rate(const ckks::Kernels& kernels, std::size_t threads) {
    static constexpr std::size_t kSize = 1024;
    static constexpr std::size_t kRepeats = 200;
    const Timing timing = measure_on_threads(
        threads,
        [&] {
            auto a = std::make_shared<Arrays>(3, kSize);
            return [&kernels, a] {
                for (std::size_t i = 0; i < kRepeats; ++i) {
                    kernels.multiply(a->targets[2], a->sources[0], a->sources[1], kSize, any_modulus());
                }
            };
        },
        kShort);
    return static_cast<double>(threads * 2 * kSize * kRepeats) / timing.median;
}

std::uint64_t sum_of(const AlignedWords& words) {
    std::array<std::uint64_t, 8> sums{};
    for (std::size_t i = 0; i + sums.size() <= words.size(); i += sums.size()) {
        for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += words[i + j];
    }
    std::uint64_t total = 0;
    for (const std::uint64_t sum : sums) total ^= sum;
    return total;
}

/// Bytes a second, over a working set of `bytes` for each thread.
double bandwidth(const ckks::Kernels& kernels, std::size_t threads, double bytes) {
    const auto words = static_cast<std::size_t>(bytes / kWordBytes / 3) / 64 * 64;
    const std::size_t repeats = std::max<std::size_t>(1, (std::size_t{1} << 18) / words);
    std::vector<Arrays> arrays;  // of each thread; touched for the first time here
    for (std::size_t thread = 0; thread < threads; ++thread) arrays.emplace_back(3, words);
    const auto rate = [&](std::size_t moved, const std::function<void(Arrays&)>& pass) {
        std::size_t thread = 0;
        const Timing timing = measure_on_threads(threads,
                                                 [&] {
                                                     Arrays& own = arrays[thread++];
                                                     return [&pass, &own, repeats] {
                                                         for (std::size_t i = 0; i < repeats; ++i) pass(own);
                                                     };
                                                 },
                                                 {.runs = 5, .seconds = 0.05});
        return static_cast<double>(threads * moved * words * repeats) * kWordBytes / timing.median;
    };
    const double reading = rate(1, [](Arrays& a) {
        volatile std::uint64_t sink = 0;  // so that the loop is not optimised away
        sink = sum_of(a.words[0]);
        static_cast<void>(sink);
    });
    const double copying =
        rate(2, [&](Arrays& a) { std::memcpy(a.targets[0], a.sources[1], words * sizeof(std::uint64_t)); });
    const double adding =
        rate(3, [&](Arrays& a) { kernels.add(a.targets[0], a.sources[1], a.sources[2], words, any_modulus()); });
    return std::max({reading, copying, adding});
}

/// Bytes of a cache, or `otherwise` where the system does not say.
double cache_bytes(int name, double otherwise) {
    const long bytes = sysconf(name);
    return bytes > 0 ? static_cast<double>(bytes) : otherwise;
}

}  // namespace

const MachinePeak::Bandwidth& MachinePeak::bandwidth_for(double working_set) const {
    const auto holds = [&](const Bandwidth& bandwidth) { return working_set <= bandwidth.capacity; };
    const auto found = std::ranges::find_if(bandwidths, holds);
    return found == bandwidths.end() ? bandwidths.back() : *found;
}

MachinePeak measure_peak(const ckks::Kernels& kernels, std::size_t threads) {
    const double second = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 0x1p20);
    // Cores share it, and what the system reports may be the whole processor's: no more is taken for granted than what
    // a few cores have between them in common machines.
    const double last = std::min(cache_bytes(_SC_LEVEL3_CACHE_SIZE, 0x1p25), 0x1p25) / static_cast<double>(threads);
    const double beyond = 0x1p28;
    MachinePeak peak;
    peak.threads = threads;
    peak.multiply_adds_per_second = std::max(
        {inner_product_rate(kernels, threads), weighted_sums_rate(kernels, threads), product_rate(kernels, threads)});
    peak.bandwidths = {{"second-level cache", second, bandwidth(kernels, threads, second / 2)},
                       {"last-level cache", last, bandwidth(kernels, threads, last / 2)},
                       {"memory", beyond, bandwidth(kernels, threads, beyond)}};
    return peak;
}

Roofline roofline(const MachinePeak& peak, const Work& work, double seconds, std::size_t copies) {
    const auto times = static_cast<double>(copies);
    const auto& bandwidth = peak.bandwidth_for(work.working_set > 0 ? work.working_set : work.bytes);
    const double arithmetic = times * work.multiply_adds / peak.multiply_adds_per_second;
    const double moving = times * work.bytes / bandwidth.bytes_per_second;
    const double floor = std::max(arithmetic, moving);
    return {floor, floor / seconds, arithmetic >= moving ? "arithmetic" : bandwidth.where};
}

nlohmann::json to_json(const MachinePeak& peak) {
    auto bandwidths = nlohmann::json::array();
    for (const auto& [where, capacity, rate] : peak.bandwidths) {
        bandwidths.push_back({{"where", where}, {"capacity_bytes", capacity}, {"bytes_per_second", rate}});
    }
    return {{"threads", peak.threads},
            {"multiply_adds_per_second", peak.multiply_adds_per_second},
            {"bandwidths", bandwidths}};
}

nlohmann::json to_json(const Timing& timing, const Work& work, const Roofline& roofline) {
    nlohmann::json object = to_json(timing);
    object["multiply_adds"] = work.multiply_adds;
    object["bytes"] = work.bytes;
    object["floor_seconds"] = roofline.floor_seconds;
    object["share_of_peak"] = roofline.share;
    object["bound"] = roofline.bound;
    return object;
}

std::string describe(const MachinePeak& peak) {
    std::string text = fmt::format("peak on {} thread{}: {:.1f} G multiply-adds/s", peak.threads,
                                   peak.threads == 1 ? "" : "s", peak.multiply_adds_per_second * 1e-9);
    for (const auto& [where, capacity, rate] : peak.bandwidths) {
        text += fmt::format(", {:.0f} GB/s from {}", rate * 1e-9, where);
    }
    return text;
}

std::vector<std::string> roofline_heading() {
    return {"ms", "M mult-adds", "MB", "floor ms", "% of peak", "bound"};
}

std::vector<std::string> roofline_cells(const Timing& timing, const Work& work, const Roofline& roofline) {
    return {format_milliseconds(timing.median),          fmt::format("{:.2f}", work.multiply_adds * 1e-6),
            fmt::format("{:.2f}", work.bytes * 1e-6),    format_milliseconds(roofline.floor_seconds),
            fmt::format("{:.0f}", 100 * roofline.share), roofline.bound};
}

}  // namespace polyformer::cli
