#include "polyformer/ckks/ring/rns.h"

#include <algorithm>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// Coefficients converted at a time, so that all sources of a dozen limbs stay in the second-level cache.
constexpr std::size_t kChunk = 512;
/// Coefficients per task.
constexpr std::size_t kTask = 4096;

/// Product modulo `modulus` of all numbers but the one at `except`.
std::uint64_t product_except(std::span<const Modulus> numbers, std::size_t except, const Modulus& modulus) {
    std::uint64_t product = 1;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (i != except) product = modulus.multiply(product, modulus.reduce(numbers[i].value()));
    }
    return product;
}

void require_distinct(std::span<const Modulus> moduli) {
    for (std::size_t i = 0; i < moduli.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            require(moduli[i].value() != moduli[j].value(),
                    "the prime {} appears twice in a residue number system, as limbs {} and {}", moduli[i].value(), j,
                    i);
        }
    }
}

}  // namespace

RnsBasis::RnsBasis(std::size_t ring_dimension, std::span<const std::uint64_t> primes) : tables_(primes.size()) {
    require_distinct(std::vector<Modulus>(primes.begin(), primes.end()));
    parallel_for(primes.size(), [&](std::size_t i) {
        tables_[i] = std::make_shared<const NttTables>(ring_dimension, Modulus(primes[i]));
    });
}

BaseConverter::BaseConverter(std::span<const Modulus> from, std::span<const Modulus> to)
    : from_(from.begin(), from.end()), to_(to.begin(), to.end()) {
    require(!from.empty(), "a base conversion needs at least one source prime");
    require_distinct(from);
    for (std::size_t i = 0; i < from.size(); ++i) {
        inverse_cofactors_.push_back(from[i].inverse(product_except(from, i, from[i])));
        reciprocals_.push_back(1.0 / static_cast<double>(from[i].value()));
    }
    weights_.reserve(to.size() * (from.size() + 1));
    for (const Modulus& target : to) {
        for (std::size_t i = 0; i < from.size(); ++i) weights_.push_back(product_except(from, i, target));
        weights_.push_back(target.negate(product_except(from, from.size(), target)));
    }
}

void BaseConverter::convert_centered(std::span<const std::uint64_t* const> scaled, std::span<std::uint64_t* const> out,
                                     std::size_t n) const {
    require(scaled.size() == from_.size() && out.size() == to_.size(),
            "a base conversion from {} to {} primes got {} source and {} target limbs", from_.size(), to_.size(),
            scaled.size(), out.size());
    const std::size_t tasks = (n + kTask - 1) / kTask;
    parallel_for(tasks,
                 [&](std::size_t task) { convert_range(scaled, out, task * kTask, std::min(n, (task + 1) * kTask)); });
}

void BaseConverter::convert_range(std::span<const std::uint64_t* const> scaled, std::span<std::uint64_t* const> out,
                                  std::size_t begin, std::size_t end) const {
    const Kernels& kernel = kernels();
    const std::size_t sources = from_.size();
    // The multiple of Q to take off is one more source, with weight -Q.
    // Sources are copied: rows lie a power of two apart and would drive each other, and be driven by the targets, out
    // of the few places in a cache that they share.
    AlignedWords copies((sources + 1) * kChunk);
    std::vector<const std::uint64_t*> terms(sources + 1);
    for (std::size_t i = 0; i <= sources; ++i) terms[i] = copies.data() + i * kChunk;
    std::vector<const std::uint64_t*> weights(sources + 1);

    for (std::size_t chunk = begin; chunk < end; chunk += kChunk) {
        const std::size_t length = std::min(kChunk, end - chunk);
        for (std::size_t i = 0; i < sources; ++i) std::copy_n(scaled[i] + chunk, length, copies.data() + i * kChunk);
        kernel.rounded_quotients(copies.data() + sources * kChunk, terms.data(), reciprocals_.data(), sources, length);
        for (std::size_t j = 0; j < to_.size(); ++j) {
            for (std::size_t i = 0; i <= sources; ++i) weights[i] = &weights_[j * (sources + 1) + i];
            kernel.weighted_sum(out[j] + chunk, terms.data(), weights.data(), sources + 1, length, length, to_[j],
                                false);
        }
    }
}

}  // namespace polyformer::ckks
