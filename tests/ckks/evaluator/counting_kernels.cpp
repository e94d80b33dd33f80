#include "tests/ckks/evaluator/counting_kernels.h"

#include <atomic>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

namespace {

/// In words, or calls.
struct Counters {
    std::size_t ring_dimension = 0;
    std::atomic<std::size_t> transforms = 0;
    std::atomic<std::size_t> products = 0;
    std::atomic<std::size_t> weighted = 0;
    std::atomic<std::size_t> constant_products = 0;
    std::atomic<std::size_t> permuted = 0;
};

Counters& counters() {
    static Counters instance;
    return instance;
}

void count_transform(std::size_t length) {
    if (length == counters().ring_dimension) ++counters().transforms;
}

Kernels counting_kernels() {
    Kernels table = scalar_kernels();
    table.forward_ntt = [](std::uint64_t* values, const TransformTables& tables) {
        count_transform(tables.ring_dimension);
        scalar_kernels().forward_ntt(values, tables);
    };
    table.scaled_inverse_ntt = [](std::uint64_t* out, const std::uint64_t* in, std::uint64_t scalar,
                                  const TransformTables& tables) {
        count_transform(tables.ring_dimension);
        if (scalar != 1) counters().constant_products += tables.ring_dimension;
        scalar_kernels().scaled_inverse_ntt(out, in, scalar, tables);
    };
    table.multiply = [](std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b, std::size_t n,
                        const ModulusConstants& q) {
        counters().products += n;
        scalar_kernels().multiply(out, a, b, n, q);
    };
    table.inner_product = [](std::uint64_t* out, const std::uint64_t* const* a, const std::uint64_t* const* b,
                             std::size_t count, std::size_t n, const ModulusConstants& q, bool accumulate) {
        counters().products += count * n;
        scalar_kernels().inner_product(out, a, b, count, n, q, accumulate);
    };
    table.packed_inner_product = [](std::uint64_t* out, const std::uint64_t* const* a, const std::byte* const* b,
                                    std::size_t bytes, int bits, std::size_t count, std::size_t n,
                                    const ModulusConstants& q, bool accumulate) {
        counters().products += count * n;
        scalar_kernels().packed_inner_product(out, a, b, bytes, bits, count, n, q, accumulate);
    };
    table.weighted_sums = [](std::uint64_t* const* out, std::size_t outputs, const std::uint64_t* const* a,
                             const std::uint64_t* const* weights, std::size_t count, std::size_t n, std::size_t run,
                             const ModulusConstants& q, bool accumulate) {
        counters().weighted += outputs * count * n;
        scalar_kernels().weighted_sums(out, outputs, a, weights, count, n, run, q, accumulate);
    };
    table.subtract_multiply_scalar = [](std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                        std::uint64_t scalar, std::size_t n, const ModulusConstants& q) {
        counters().constant_products += n;
        scalar_kernels().subtract_multiply_scalar(out, a, b, scalar, n, q);
    };
    table.subtract_multiply_add = [](std::uint64_t* out, const std::uint64_t* a, const std::uint64_t* b,
                                     std::uint64_t scalar, const std::uint64_t* c, std::uint64_t weight,
                                     const std::uint32_t* index, std::size_t n, const ModulusConstants& q) {
        counters().constant_products += n;
        if (index != nullptr) counters().permuted += n;
        scalar_kernels().subtract_multiply_add(out, a, b, scalar, c, weight, index, n, q);
    };
    table.permute = [](std::uint64_t* out, const std::uint64_t* in, const std::uint32_t* index, std::size_t n) {
        counters().permuted += n;
        scalar_kernels().permute(out, in, index, n);
    };
    return table;
}

}  // namespace

// In place of the library's: the linker looks into it only for what the program itself does not define.
const Kernels& kernels() {
    static const Kernels kTable = counting_kernels();
    return kTable;
}

namespace testing {

Measured count(std::size_t ring_dimension, const std::function<void()>& body) {
    Counters& now = counters();
    now.ring_dimension = ring_dimension;
    for (auto* counter : {&now.transforms, &now.products, &now.weighted, &now.constant_products, &now.permuted}) {
        *counter = 0;
    }
    body();
    const auto limbs = [&](const std::atomic<std::size_t>& words) {
        return static_cast<double>(words) / static_cast<double>(ring_dimension);
    };
    return {.transforms = static_cast<double>(now.transforms),
            .products = limbs(now.products),
            .weighted = limbs(now.weighted),
            .constant_products = limbs(now.constant_products),
            .permuted = limbs(now.permuted)};
}

}  // namespace testing

}  // namespace polyformer::ckks
