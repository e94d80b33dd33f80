// The kernels with AVX-512 IFMA; the transforms are in ntt_avx512.cpp.
#include <algorithm>
#include <array>

#include "ckks/arithmetic_avx512.h"
#include "ckks/kernels_vector.h"

namespace polyformer::ckks {

namespace {

using avx512::add;
using avx512::broadcast;
using avx512::Factor;
using avx512::kLanes;
using avx512::multiply_high;
using avx512::multiply_low;
using avx512::reduce_once;
using avx512::subtract;
using avx512::Vector;
using avx512::VectorModulus;

/// Eight entries of a limb.
struct FullBlock {
    std::size_t begin;

    Vector load(const std::uint64_t* limb) const { return avx512::load(limb + begin); }
    void store(std::uint64_t* limb, Vector v) const { avx512::store(limb + begin, v); }
};

/// Fewer than eight entries at the end of a limb; the other lanes read as zero and are not written.
struct PartialBlock {
    std::size_t begin;
    __mmask8 mask;

    Vector load(const std::uint64_t* limb) const { return _mm512_maskz_loadu_epi64(mask, limb + begin); }
    void store(std::uint64_t* limb, Vector v) const { _mm512_mask_storeu_epi64(limb + begin, mask, v); }
};

PartialBlock partial_block(std::size_t begin, std::size_t n) {
    return {begin, static_cast<__mmask8>((1U << (n - begin)) - 1)};
}

/// Calls body(block) for all blocks of n entries.
template <class Body>
void for_each_block(std::size_t n, const Body& body) {
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) body(FullBlock{i});
    if (i < n) body(partial_block(i, n));
}

void add_limbs(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n, const Modulus& q) {
    const VectorModulus m(q);
    for_each_block(n, [&](const auto& at) { at.store(out, reduce_once(add(at.load(a), at.load(b)), m.q)); });
}

/// a - b for residues: where that wraps below zero, adding q gives the smaller number.
Vector subtract_residues(Vector a, Vector b, const VectorModulus& m) {
    const Vector difference = subtract(a, b);
    return _mm512_min_epu64(difference, add(difference, m.q));
}

void subtract_limbs(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                    const Modulus& q) {
    const VectorModulus m(q);
    for_each_block(n, [&](const auto& at) { at.store(out, subtract_residues(at.load(a), at.load(b), m)); });
}

void negate(std::uint64_t* out, const std::uint64_t* a, std::size_t n, const Modulus& q) {
    const VectorModulus m(q);
    const Vector zero = _mm512_setzero_si512();
    for_each_block(n, [&](const auto& at) { at.store(out, subtract_residues(zero, at.load(a), m)); });
}

void multiply(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n, const Modulus& q) {
    const VectorModulus m(q);
    for_each_block(n, [&](const auto& at) { at.store(out, m.multiply(at.load(a), at.load(b))); });
}

void multiply_add(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n, const Modulus& q) {
    const VectorModulus m(q);
    for_each_block(n, [&](const auto& at) {
        at.store(out, reduce_once(add(at.load(out), m.multiply(at.load(a), at.load(b))), m.q));
    });
}

void add_scalar(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n, const Modulus& q) {
    const VectorModulus m(q);
    const Vector summand = broadcast(scalar);
    for_each_block(n, [&](const auto& at) { at.store(out, reduce_once(add(at.load(a), summand), m.q)); });
}

void multiply_scalar(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                     const Modulus& q) {
    const VectorModulus m(q);
    const Factor factor = broadcast(q.shoup(scalar));
    for_each_block(n, [&](const auto& at) { at.store(out, m.multiply(at.load(a), factor)); });
}

void multiply_scalar_add(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                         const Modulus& q) {
    const VectorModulus m(q);
    const Factor factor = broadcast(q.shoup(scalar));
    for_each_block(n, [&](const auto& at) {
        at.store(out, m.reduce_below_4q(add(at.load(out), m.multiply_lazy(at.load(a), factor))));
    });
}

void subtract_multiply_scalar(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::uint64_t scalar,
                              std::size_t n, const Modulus& q) {
    const VectorModulus m(q);
    const Factor factor = broadcast(q.shoup(scalar));
    for_each_block(
        n, [&](const auto& at) { at.store(out, m.multiply(subtract(add(at.load(a), m.q), at.load(b)), factor)); });
}

/// Σ of products of numbers below 2^50: the halves of each product below 2^52 and 2^48, so that kMaxTerms of them and
/// a residue fit what reduce_sum() takes.
struct LazySum {
    static constexpr std::size_t kMaxTerms = 4000;

    Vector low = _mm512_setzero_si512();
    Vector high = _mm512_setzero_si512();

    void add_product(Vector a, Vector b) {
        low = multiply_low(low, a, b);
        high = multiply_high(high, a, b);
    }
};

/// The inner product of kVectors consecutive blocks.
template <std::size_t kVectors>
void inner_product_blocks(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b,
                          std::size_t count, std::size_t begin, const VectorModulus& m, bool accumulate) {
    std::array<LazySum, kVectors> sums;
    for (std::size_t k = 0; k < count; ++k) {
        for (std::size_t v = 0; v < kVectors; ++v) {
            const FullBlock at{begin + v * kLanes};
            sums[v].add_product(at.load(a[k]), at.load(b[k]));
        }
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
        const FullBlock at{begin + v * kLanes};
        if (accumulate) sums[v].low = add(sums[v].low, at.load(out));
        at.store(out, m.reduce_sum(sums[v].low, sums[v].high));
    }
}

void inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b, std::size_t count,
                   std::size_t n, const Modulus& q, bool accumulate) {
    constexpr std::size_t kVectors = 4;  // enough independent sums to hide the latency of a multiply-add
    if (count > LazySum::kMaxTerms) {
        inner_product(out, a, b, LazySum::kMaxTerms, n, q, accumulate);
        inner_product(out, a + LazySum::kMaxTerms, b + LazySum::kMaxTerms, count - LazySum::kMaxTerms, n, q, true);
        return;
    }
    const VectorModulus m(q);
    std::size_t i = 0;
    for (; i + kVectors * kLanes <= n; i += kVectors * kLanes) {
        inner_product_blocks<kVectors>(out, a, b, count, i, m, accumulate);
    }
    for (; i + kLanes <= n; i += kLanes) inner_product_blocks<1>(out, a, b, count, i, m, accumulate);
    if (i < n) {
        const PartialBlock at = partial_block(i, n);
        LazySum sum;
        for (std::size_t k = 0; k < count; ++k) sum.add_product(at.load(a[k]), at.load(b[k]));
        if (accumulate) sum.low = add(sum.low, at.load(out));
        at.store(out, m.reduce_sum(sum.low, sum.high));
    }
}

/// What weighted_sums() computes, without the sizes of the tile at hand.
struct WeightedSums {
    std::uint64_t* const* out;
    const std::uint64_t* const* a;
    const std::uint64_t* const* weights;
    std::size_t count;
    VectorModulus modulus;
    bool accumulate;

    /// Outputs [output, output + kOutputs), kVectors blocks from `begin`, all within the run numbered `run_index`.
    template <std::size_t kOutputs, std::size_t kVectors, class Block>
    void tile(std::size_t output, const std::array<Block, kVectors>& at, std::size_t run_index) const {
        std::array<std::array<LazySum, kVectors>, kOutputs> sums;
        for (std::size_t k = 0; k < count; ++k) {
            Vector source[kVectors];
            for (std::size_t v = 0; v < kVectors; ++v) source[v] = at[v].load(a[k]);
            for (std::size_t g = 0; g < kOutputs; ++g) {
                const Vector weight = broadcast(weights[(output + g) * count + k][run_index]);
                for (std::size_t v = 0; v < kVectors; ++v) sums[g][v].add_product(source[v], weight);
            }
        }
        for (std::size_t g = 0; g < kOutputs; ++g) {
            std::uint64_t* limb = out[output + g];
            for (std::size_t v = 0; v < kVectors; ++v) {
                if (accumulate) sums[g][v].low = add(sums[g][v].low, at[v].load(limb));
                at[v].store(limb, modulus.reduce_sum(sums[g][v].low, sums[g][v].high));
            }
        }
    }

    /// Entries [begin, end), within one run, of kOutputs outputs.
    template <std::size_t kOutputs, std::size_t kVectors>
    void strip(std::size_t output, std::size_t begin, std::size_t end, std::size_t run_index) const {
        std::size_t i = begin;
        for (; i + kVectors * kLanes <= end; i += kVectors * kLanes) {
            std::array<FullBlock, kVectors> at;
            for (std::size_t v = 0; v < kVectors; ++v) at[v] = FullBlock{i + v * kLanes};
            tile<kOutputs, kVectors>(output, at, run_index);
        }
        for (; i + kLanes <= end; i += kLanes) tile<kOutputs, 1>(output, std::array{FullBlock{i}}, run_index);
        if (i < end) tile<kOutputs, 1>(output, std::array{partial_block(i, end)}, run_index);
    }
};

void weighted_sums(std::uint64_t* const* out, std::size_t outputs, const std::uint64_t* const* a,
                   const std::uint64_t* const* weights, std::size_t count, std::size_t n, std::size_t run,
                   const Modulus& q, bool accumulate) {
    constexpr std::size_t kOutputs = 4;
    constexpr std::size_t kStrip = 128;  // entries of all sources that stay in the first-level cache between outputs
    if (run < kLanes || count > LazySum::kMaxTerms) {
        scalar_kernels().weighted_sums(out, outputs, a, weights, count, n, run, q, accumulate);
        return;
    }
    const WeightedSums sums{out, a, weights, count, VectorModulus(q), accumulate};
    for (std::size_t begin = 0; begin < n; begin += std::min(run, kStrip)) {
        const std::size_t end = std::min(n, begin + std::min(run, kStrip));
        std::size_t g = 0;
        for (; g + kOutputs <= outputs; g += kOutputs) sums.strip<kOutputs, 2>(g, begin, end, begin / run);
        for (; g < outputs; ++g) sums.strip<1, 4>(g, begin, end, begin / run);
    }
}

void permute(std::uint64_t* out, const std::uint64_t* in, const std::uint32_t* index, std::size_t n) {
    for (std::size_t i = 0; i < n; i += kLanes) {
        // One source block; of each index only the place in it, its low three bits, matters.
        const Vector source = avx512::load(in + (index[i] & ~std::uint32_t{kLanes - 1}));
        const Vector places = _mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + i)));
        avx512::store(out + i, _mm512_permutexvar_epi64(places, source));
    }
}

void reduce_centered(std::uint64_t* out, const std::uint64_t* in, const Modulus& from, const Modulus& to,
                     std::size_t n) {
    const VectorModulus m(to);
    const Vector half = broadcast(from.value() / 2);
    const Vector minus_from = broadcast(to.negate(to.reduce(from.value())));
    for_each_block(n, [&](const auto& at) {
        const Vector value = at.load(in);
        const Vector reduced = m.reduce(value);
        const __mmask8 negative = _mm512_cmpgt_epu64_mask(value, half);
        at.store(out, reduce_once(_mm512_mask_add_epi64(reduced, negative, reduced, minus_from), m.q));
    });
}

void rounded_quotients(std::uint64_t* out, const std::uint64_t* const* a, const double* reciprocals, std::size_t count,
                       std::size_t n) {
    for_each_block(n, [&](const auto& at) {
        __m512d sum = _mm512_set1_pd(0.5);
        for (std::size_t k = 0; k < count; ++k) {
            const __m512d value = _mm512_cvtepu64_pd(at.load(a[k]));
            sum = _mm512_add_pd(sum, _mm512_mul_pd(value, _mm512_set1_pd(reciprocals[k])));
        }
        at.store(out, _mm512_cvttpd_epu64(sum));
    });
}

}  // namespace

const Kernels& avx512_kernels() {
    static constexpr Kernels kTable{
        .name = "avx512",
        .forward_ntt = forward_ntt_avx512,
        .inverse_ntt = inverse_ntt_avx512,
        .add = add_limbs,
        .subtract = subtract_limbs,
        .negate = negate,
        .multiply = multiply,
        .multiply_add = multiply_add,
        .add_scalar = add_scalar,
        .multiply_scalar = multiply_scalar,
        .multiply_scalar_add = multiply_scalar_add,
        .subtract_multiply_scalar = subtract_multiply_scalar,
        .inner_product = inner_product,
        .weighted_sums = weighted_sums,
        .permute = permute,
        .reduce_centered = reduce_centered,
        .rounded_quotients = rounded_quotients,
    };
    return kTable;
}

}  // namespace polyformer::ckks
