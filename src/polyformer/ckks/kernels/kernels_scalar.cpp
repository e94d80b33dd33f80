// The reference implementation: what the kernels mean, for any CPU.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "polyformer/ckks/arithmetic/modulus.h"
#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

namespace {

/// Sums are formed for this many entries at a time, so that they stay in the first-level cache.
constexpr std::size_t kBlock = 64;

// Cooley–Tukey with Harvey's lazy butterflies: values stay in [0, 4q) until the end.
void forward_ntt(std::uint64_t* values, const TransformTables& tables) {
    const Modulus q(tables.modulus);
    const std::uint64_t two_q = 2 * q.value();
    const std::size_t n = tables.ring_dimension;
    for (std::size_t nodes = 1, half = n / 2; nodes < n; nodes *= 2, half /= 2) {
        for (std::size_t node = 0; node < nodes; ++node) {
            const ShoupFactor root{tables.roots[nodes + node], tables.root_quotients[nodes + node]};
            std::uint64_t* low = values + 2 * half * node;
            std::uint64_t* high = low + half;
            for (std::size_t i = 0; i < half; ++i) {
                const std::uint64_t sum = low[i] >= two_q ? low[i] - two_q : low[i];
                const std::uint64_t product = q.multiply_lazy(high[i], root);
                low[i] = sum + product;
                high[i] = sum - product + two_q;
            }
        }
    }
    std::transform(values, values + n, values, [&q](std::uint64_t value) { return q.reduce(value); });
}

// Gentleman–Sande: values stay in [0, 2q) until the end.
void scaled_inverse_ntt(std::uint64_t* values, const std::uint64_t* in, std::uint64_t scalar,
                        const TransformTables& tables) {
    const Modulus q(tables.modulus);
    const std::uint64_t two_q = 2 * q.value();
    const std::size_t n = tables.ring_dimension;
    if (values != in) std::copy_n(in, n, values);
    for (std::size_t nodes = n / 2, half = 1; nodes >= 1; nodes /= 2, half *= 2) {
        for (std::size_t node = 0; node < nodes; ++node) {
            // Minus the inverse of the forward root: the difference is taken the other way round.
            const std::size_t mirror = 2 * nodes - 1 - node;
            const ShoupFactor root{tables.roots[mirror], tables.root_quotients[mirror]};
            std::uint64_t* low = values + 2 * half * node;
            std::uint64_t* high = low + half;
            for (std::size_t i = 0; i < half; ++i) {
                const std::uint64_t sum = low[i] + high[i];
                const std::uint64_t difference = high[i] - low[i] + two_q;
                low[i] = sum >= two_q ? sum - two_q : sum;
                high[i] = q.multiply_lazy(difference, root);
            }
        }
    }
    const ShoupFactor factor = q.shoup(q.multiply(tables.inverse_dimension.value, scalar));
    std::transform(values, values + n, values, [&](std::uint64_t value) { return q.multiply(value, factor); });
}

void add(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
         const ModulusConstants& constants) {
    const Modulus q(constants);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.add(a[i], b[i]);
}

void subtract(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
              const ModulusConstants& constants) {
    const Modulus q(constants);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.subtract(a[i], b[i]);
}

void negate(std::uint64_t* out, const std::uint64_t* a, std::size_t n, const ModulusConstants& constants) {
    const Modulus q(constants);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.negate(a[i]);
}

void multiply(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
              const ModulusConstants& constants) {
    const Modulus q(constants);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.multiply(a[i], b[i]);
}

void add_scalar(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                const ModulusConstants& constants) {
    const Modulus q(constants);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.add(a[i], scalar);
}

void multiply_scalar(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                     const ModulusConstants& constants) {
    const Modulus q(constants);
    const ShoupFactor factor = q.shoup(scalar);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.multiply(a[i], factor);
}

void multiply_scalar_add(std::uint64_t* out, const std::uint64_t* a, std::uint64_t scalar, std::size_t n,
                         const ModulusConstants& constants) {
    const Modulus q(constants);
    const ShoupFactor factor = q.shoup(scalar);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.add(out[i], q.multiply(a[i], factor));
}

void subtract_multiply_scalar(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::uint64_t scalar,
                              std::size_t n, const ModulusConstants& constants) {
    const Modulus q(constants);
    const ShoupFactor factor = q.shoup(scalar);
    for (std::size_t i = 0; i < n; ++i) out[i] = q.multiply(q.subtract(a[i], b[i]), factor);
}

void subtract_multiply_add(std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::uint64_t scalar,
                           const std::uint64_t* c, std::uint64_t weight, const std::uint32_t* index, std::size_t n,
                           const ModulusConstants& constants) {
    const Modulus q(constants);
    const ShoupFactor factor = q.shoup(scalar);
    const ShoupFactor weight_factor = q.shoup(weight);
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t j = index == nullptr ? i : index[i];
        const std::uint64_t product = q.multiply(q.subtract(a[j], b[j]), factor);
        out[i] = c == nullptr ? product : q.add(product, q.multiply(c[j], weight_factor));
    }
}

// A product is below 2^100, so 128 bits hold the sum of 2^28 of them.
void inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b, std::size_t count,
                   std::size_t n, const ModulusConstants& constants, bool accumulate) {
    const Modulus q(constants);
    for (std::size_t begin = 0; begin < n; begin += kBlock) {
        const std::size_t length = std::min(kBlock, n - begin);
        std::array<Uint128, kBlock> sums{};
        if (accumulate) std::copy_n(out + begin, length, sums.begin());
        for (std::size_t k = 0; k < count; ++k) {
            for (std::size_t i = 0; i < length; ++i) sums[i] += static_cast<Uint128>(a[k][begin + i]) * b[k][begin + i];
        }
        for (std::size_t i = 0; i < length; ++i) out[begin + i] = q.reduce_wide(sums[i]);
    }
}

void weighted_sums(std::uint64_t* const* out, std::size_t outputs, const std::uint64_t* const* a,
                   const std::uint64_t* const* weights, std::size_t count, std::size_t n, std::size_t run,
                   const ModulusConstants& constants, bool accumulate) {
    const Modulus q(constants);
    const std::size_t block = std::min(kBlock, run);
    for (std::size_t begin = 0; begin < n; begin += block) {
        const std::size_t length = std::min(block, n - begin);
        for (std::size_t g = 0; g < outputs; ++g) {
            std::array<Uint128, kBlock> sums{};
            if (accumulate) std::copy_n(out[g] + begin, length, sums.begin());
            for (std::size_t k = 0; k < count; ++k) {
                const std::uint64_t weight = weights[g * count + k][begin / run];
                for (std::size_t i = 0; i < length; ++i) sums[i] += static_cast<Uint128>(a[k][begin + i]) * weight;
            }
            for (std::size_t i = 0; i < length; ++i) out[g][begin + i] = q.reduce_wide(sums[i]);
        }
    }
}

void permute(std::uint64_t* out, const std::uint64_t* in, const std::uint32_t* index, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) out[i] = in[index[i]];
}

void reduce_centered(std::uint64_t* out, const std::uint64_t* in, const ModulusConstants& from_constants,
                     const ModulusConstants& to_constants, std::size_t n) {
    const Modulus from(from_constants);
    const Modulus to(to_constants);
    for (std::size_t i = 0; i < n; ++i) out[i] = to.reduce_signed(from.centered(in[i]));
}

void rounded_quotients(std::uint64_t* out, const std::uint64_t* const* a, const double* reciprocals, std::size_t count,
                       std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 0.5;
        for (std::size_t k = 0; k < count; ++k) sum += static_cast<double>(a[k][i]) * reciprocals[k];
        out[i] = static_cast<std::uint64_t>(sum);
    }
}

std::size_t uniform_residues(std::uint64_t* out, const UniformSource& source, std::uint64_t block, std::size_t blocks,
                             const ModulusConstants& constants) {
    const Modulus q(constants);
    using Words = std::array<std::uint64_t, UniformSource::kWordsPerBlock>;
    static_assert(std::endian::native == std::endian::little, "words and counters have their lowest byte first");
    const std::uint64_t refused = (std::uint64_t{0} - q.value()) % q.value();  // 2^64 mod q
    std::size_t count = 0;
    for (const std::uint64_t end = block + blocks; block != end; ++block) {
        const auto counter = std::bit_cast<Aes256::Block>(Words{source.stream, block});
        for (const std::uint64_t word : std::bit_cast<Words>(source.cipher.encrypt(counter))) {
            const Uint128 product = static_cast<Uint128>(word) * q.value();
            if (static_cast<std::uint64_t>(product) < refused) continue;
            out[count++] = static_cast<std::uint64_t>(product >> 64);
        }
    }
    return count;
}

void unpack(std::uint64_t* out, const std::byte* packed, std::size_t bytes, int bits, std::size_t n) {
    static_assert(std::endian::native == std::endian::little, "packed numbers are little-endian, as words are");
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    const auto width = static_cast<std::size_t>(bits);
    // Numbers whose eight bytes, from the one with their lowest bit on, are all there.
    const std::size_t whole_words = bytes < 8 ? 0 : std::min(n, (bytes - 8) * 8 / width + 1);
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t position = i * width;
        std::uint64_t word = 0;
        std::memcpy(&word, packed + position / 8, i < whole_words ? 8 : bytes - position / 8);
        out[i] = (word >> (position % 8)) & mask;
    }
}

void packed_inner_product(std::uint64_t* out, const std::uint64_t* const* a, const std::byte* const* b,
                          std::size_t bytes, int bits, std::size_t count, std::size_t n, const ModulusConstants& q,
                          bool accumulate) {
    constexpr std::size_t kEntries = 256;
    constexpr std::size_t kTerms = 8;
    std::array<std::array<std::uint64_t, kEntries>, kTerms> unpacked;
    std::array<const std::uint64_t*, kTerms> left{};
    std::array<const std::uint64_t*, kTerms> right{};
    for (std::size_t i = 0; i < n; i += kEntries) {
        const std::size_t length = std::min(kEntries, n - i);
        const std::size_t skipped = i / 8 * static_cast<std::size_t>(bits);
        std::size_t first = 0;
        do {  // of no terms at all there is a sum, too
            const std::size_t terms = std::min(kTerms, count - first);
            for (std::size_t k = 0; k < terms; ++k) {
                unpack(unpacked[k].data(), b[first + k] + skipped, bytes - skipped, bits, length);
                left[k] = a[first + k] + i;
                right[k] = unpacked[k].data();
            }
            inner_product(out + i, left.data(), right.data(), terms, length, q, accumulate || first > 0);
            first += terms;
        } while (first < count);
    }
}

}  // namespace

const Kernels& scalar_kernels() {
    static constexpr Kernels kTable{
        .name = "scalar",
        .forward_ntt = forward_ntt,
        .scaled_inverse_ntt = scaled_inverse_ntt,
        .add = add,
        .subtract = subtract,
        .negate = negate,
        .multiply = multiply,
        .add_scalar = add_scalar,
        .multiply_scalar = multiply_scalar,
        .multiply_scalar_add = multiply_scalar_add,
        .subtract_multiply_scalar = subtract_multiply_scalar,
        .subtract_multiply_add = subtract_multiply_add,
        .inner_product = inner_product,
        .weighted_sums = weighted_sums,
        .permute = permute,
        .reduce_centered = reduce_centered,
        .rounded_quotients = rounded_quotients,
        .uniform_residues = uniform_residues,
        .unpack = unpack,
        .packed_inner_product = packed_inner_product,
    };
    return kTable;
}

}  // namespace polyformer::ckks
