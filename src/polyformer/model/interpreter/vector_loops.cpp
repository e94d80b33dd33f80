#include "polyformer/model/interpreter/vector_loops.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace polyformer::model {

// Address sanitizer cannot run the code that picks, which comes before its own start.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define POLYFORMER_VECTOR_CLONES [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define POLYFORMER_VECTOR_CLONES
#endif

namespace {

template <class Real>
[[gnu::always_inline]] inline void multiply(const std::array<const Real*, kRowBlock>& rows, const Real* panel,
                                            std::size_t terms, Real* out) {
    constexpr std::size_t columns = kColumnBlock<Real>;
    Real sums[kRowBlock][columns] = {};  // NOLINT(modernize-avoid-c-arrays): std::array is not unrolled
    for (std::size_t i = 0; i < terms; ++i) {
        for (std::size_t t = 0; t < kRowBlock; ++t) {
            const Real value = rows[t][i];
            for (std::size_t j = 0; j < columns; ++j) sums[t][j] += value * panel[i * columns + j];
        }
    }
    for (std::size_t t = 0; t < kRowBlock; ++t) {
        for (std::size_t j = 0; j < columns; ++j) out[t * columns + j] = sums[t][j];
    }
}

}  // namespace

POLYFORMER_VECTOR_CLONES
void multiply_block(const std::array<const double*, kRowBlock>& rows, const double* panel, std::size_t terms,
                    double* out) {
    multiply(rows, panel, terms, out);
}

POLYFORMER_VECTOR_CLONES
void multiply_block(const std::array<const float*, kRowBlock>& rows, const float* panel, std::size_t terms,
                    float* out) {
    multiply(rows, panel, terms, out);
}

POLYFORMER_VECTOR_CLONES
void evaluate_block(const Polynomial& polynomial, double* x) {
    // NOLINTBEGIN(modernize-avoid-c-arrays)
    double u[kPolynomialBlock];
    double next[kPolynomialBlock] = {};
    double after_next[kPolynomialBlock] = {};
    // NOLINTEND(modernize-avoid-c-arrays)
    const double* coefficients = polynomial.coefficients.data();
    for (std::size_t i = 0; i < kPolynomialBlock; ++i) {
        u[i] = (2 * x[i] - polynomial.lower - polynomial.upper) / (polynomial.upper - polynomial.lower);
    }
    for (std::size_t k = polynomial.coefficients.size() - 1; k > 0; --k) {
        for (std::size_t i = 0; i < kPolynomialBlock; ++i) {
            const double current = coefficients[k] + 2 * u[i] * next[i] - after_next[i];
            after_next[i] = next[i];
            next[i] = current;
        }
    }
    for (std::size_t i = 0; i < kPolynomialBlock; ++i) x[i] = coefficients[0] + u[i] * next[i] - after_next[i];
}

POLYFORMER_VECTOR_CLONES
void add_combined_rows(const double* weights, std::size_t terms, const double* rows, std::size_t stride,
                       std::size_t columns, double* out) {
    for (std::size_t i = 0; i < terms; ++i) {
        const double weight = weights[i];
        const double* row = rows + i * stride;
        for (std::size_t j = 0; j < columns; ++j) out[j] += weight * row[j];
    }
}

// Magnitudes compare like their bit patterns, those of NaNs above all: integers, so that the maximum vectorises.
POLYFORMER_VECTOR_CLONES
double largest_magnitude_of(const double* values, std::size_t count) {
    constexpr std::uint64_t without_sign = ~(std::uint64_t{1} << 63);
    std::uint64_t largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        largest = std::max(largest, std::bit_cast<std::uint64_t>(values[i]) & without_sign);
    }
    return std::bit_cast<double>(largest);
}

}  // namespace polyformer::model
