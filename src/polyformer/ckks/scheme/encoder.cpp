#include "polyformer/ckks/scheme/encoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "polyformer/ckks/arithmetic/integers.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/special_fourier.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

using Complex = std::complex<double>;

constexpr std::size_t kMinTransform = std::size_t{1} << kMinLogRingDimension;

std::vector<Complex> to_complex(std::span<const double> values) {
    return {values.begin(), values.end()};
}

}  // namespace

struct Encoder::Tables {
    explicit Tables(const Parameters& parameters) : fourier(parameters.slots()) {}

    SpecialFourier fourier;

    /// Tables of the subring of dimension `dimension` ≤ N for a prime, made when first asked for. NttTables' choice of
    /// ψ is such that the subring's is ψ^(N/dimension).
    const NttTables& subring(const NttTables& full, std::size_t dimension) const {
        if (dimension == full.ring_dimension()) return full;  // NOLINT(bugprone-return-const-ref-from-parameter)
        const std::lock_guard lock(mutex);
        auto& entry = cache[{full.modulus().value(), dimension}];
        if (entry == nullptr) entry = std::make_unique<const NttTables>(dimension, full.modulus());
        return *entry;
    }

  private:
    mutable std::mutex mutex;
    mutable std::map<std::pair<std::uint64_t, std::size_t>, std::unique_ptr<const NttTables>> cache;
};

namespace {

void check_values(std::span<const Complex> values, std::size_t max_slots) {
    require(std::has_single_bit(values.size()) && values.size() <= max_slots,
            "{} values cannot be encoded: their number must be a power of two up to {}", values.size(), max_slots);
    for (std::size_t i = 0; i < values.size(); ++i) {
        require(std::isfinite(values[i].real()) && std::isfinite(values[i].imag()),
                "the value {} + {}i at index {} cannot be encoded: it must be finite", values[i].real(),
                values[i].imag(), i);
    }
}

/// The 2n rounded coefficients, in Y = X^(N/2n), of n values times scale.
std::vector<double> embed(const SpecialFourier& fourier, std::span<const Complex> values, double scale,
                          double log2_modulus, int level) {
    const std::size_t n = values.size();
    std::vector<Complex> folded(values.begin(), values.end());
    fourier.to_coefficients(folded);
    std::vector<double> coefficients(2 * n);
    for (std::size_t k = 0; k < n; ++k) {
        coefficients[k] = std::nearbyint(folded[k].real() * scale);
        coefficients[k + n] = std::nearbyint(folded[k].imag() * scale);
    }
    const auto largest = std::max_element(coefficients.begin(), coefficients.end(), [](double a, double b) {
        return std::abs(a) < std::abs(b) || std::isnan(b);
    });
    if (!(std::log2(std::abs(*largest)) + 1 < log2_modulus)) {
        const auto slot = std::max_element(values.begin(), values.end(),
                                           [](Complex a, Complex b) { return std::abs(a) < std::abs(b); });
        fail(
            "values up to {} + {}i (at index {}) at scale 2^{:.2f} overflow level {}: coefficient {} would be {:.6g}, "
            "more "
            "than half the modulus of {:.2f} bits; use a smaller scale or a higher level",
            slot->real(), slot->imag(), slot - values.begin(), std::log2(scale), level, largest - coefficients.begin(),
            *largest, log2_modulus);
    }
    return coefficients;
}

/// Evaluations of the polynomial with these 2n coefficients in Y, in the order of a ring of dimension 2n, into `out`.
void evaluate(std::span<const double> coefficients, const NttTables& tables, std::span<std::uint64_t> out) {
    const std::size_t dimension = tables.ring_dimension();
    // The transform has a least length: a shorter polynomial is spread out, and each evaluation comes `spread` times.
    const std::size_t spread = dimension / coefficients.size();
    if (spread == 1) {
        for (std::size_t k = 0; k < dimension; ++k) out[k] = residue(coefficients[k], tables.modulus());
        kernels().forward_ntt(out.data(), tables);
        return;
    }
    AlignedWords scratch(dimension);
    for (std::size_t k = 0; k < coefficients.size(); ++k) {
        scratch[k * spread] = residue(coefficients[k], tables.modulus());
    }
    kernels().forward_ntt(scratch.data(), tables);
    for (std::size_t k = 0; k < coefficients.size(); ++k) out[k] = scratch[k * spread];
}

/// Each residue `run` times.
void repeat(std::span<const std::uint64_t> in, std::span<std::uint64_t> out) {
    const std::size_t run = out.size() / in.size();
    for (std::size_t k = 0; k < in.size(); ++k) {
        std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(k * run), run, in[k]);
    }
}

}  // namespace

Encoder::Encoder(Parameters parameters)
    : parameters_(std::move(parameters)), tables_(std::make_shared<const Tables>(parameters_)) {}

RnsPolynomial Encoder::transform(std::span<const Complex> values, int level, double scale, int special,
                                 bool full_length) const {
    check_values(values, parameters_.slots());
    require(scale > 0 && std::isfinite(scale), "the scale {} cannot be encoded at: it must be positive and finite",
            scale);
    const std::vector<double> coefficients = embed(tables_->fourier, values, scale, parameters_.log2_q(level), level);
    const std::size_t dimension = coefficients.size();
    const std::size_t out_dimension = full_length ? parameters_.ring_dimension() : dimension;
    const auto rows = static_cast<std::size_t>(level + 1 + special);
    RnsPolynomial result = RnsPolynomial::uninitialised(out_dimension, rows);
    parallel_for(rows, [&](std::size_t row) {
        const NttTables& tables = tables_->subring(parameters_.row(level, row), std::max(dimension, kMinTransform));
        if (out_dimension == dimension) {
            evaluate(coefficients, tables, result.limb(row));
        } else {
            AlignedWords scratch(dimension);
            evaluate(coefficients, tables, scratch);
            repeat(scratch, result.limb(row));
        }
    });
    return result;
}

Plaintext Encoder::encode(std::span<const Complex> values, int level, double scale) const {
    return {{.level = level, .scale = scale, .slots = values.size(), .key_fingerprint = {}},
            transform(values, level, scale, 0, true)};
}

Plaintext Encoder::encode(std::span<const double> values, int level, double scale) const {
    return encode(std::span<const Complex>(to_complex(values)), level, scale);
}

SubringPlaintext Encoder::periodic(std::span<const Complex> values, int level, double scale, int special) const {
    return {{.level = level, .scale = scale, .slots = values.size(), .key_fingerprint = {}},
            transform(values, level, scale, special, false),
            parameters_.slots() / values.size()};
}

SubringPlaintext Encoder::encode_periodic(std::span<const Complex> values, int level, double scale) const {
    return periodic(values, level, scale, 0);
}

SubringPlaintext Encoder::encode_periodic(std::span<const double> values, int level, double scale) const {
    return encode_periodic(std::span<const Complex>(to_complex(values)), level, scale);
}

SubringPlaintext Encoder::encode_periodic_extended(std::span<const Complex> values, int level, double scale,
                                                   int special) const {
    return periodic(values, level, scale, special);
}

namespace {

/// The whole numbers in (−Q/2, Q/2) behind residues modulo q_0 … q_l, rounded: mixed-radix digits, each in
/// (−q_i/2, q_i/2), so that a small number has zeros for its high digits and nothing cancels.
class Reconstruction {
  public:
    Reconstruction(const Parameters& parameters, std::size_t limbs) {
        long double product = 1;
        for (std::size_t i = 0; i < limbs; ++i) {
            moduli_.push_back(parameters.q(static_cast<int>(i)).modulus());
            weights_.push_back(product);
            product *= static_cast<long double>(moduli_[i].value());
            for (std::size_t j = 0; j < i; ++j) {
                const std::uint64_t inverse = moduli_[i].inverse(moduli_[i].reduce(moduli_[j].value()));
                inverses_.push_back(moduli_[i].shoup(inverse));
            }
        }
    }

    long double operator()(const RnsPolynomial& coefficients, std::size_t position) const {
        std::array<std::int64_t, kMaxLimbs> digits{};
        const ShoupFactor* inverse = inverses_.data();
        for (std::size_t i = 0; i < moduli_.size(); ++i) {
            const Modulus& q = moduli_[i];
            std::uint64_t rest = coefficients.limb(i)[position];
            for (std::size_t j = 0; j < i; ++j) {
                rest = q.multiply(q.subtract(rest, q.reduce_signed(digits[j])), *inverse++);
            }
            digits[i] = q.centered(rest);
        }
        long double sum = 0;
        for (std::size_t i = moduli_.size(); i-- > 0;) sum += static_cast<long double>(digits[i]) * weights_[i];
        return sum;
    }

  private:
    static constexpr std::size_t kMaxLimbs = 64;
    std::vector<Modulus> moduli_;
    std::vector<long double> weights_;   // q_0 … q_{i−1}: beyond the range of double
    std::vector<ShoupFactor> inverses_;  // of q_j modulo q_i, j < i
};

}  // namespace

std::vector<Complex> Encoder::decode(const Plaintext& plaintext) const {
    return decode(plaintext, plaintext.slots);
}

std::vector<Complex> Encoder::decode(const Plaintext& plaintext, std::size_t slots) const {
    const std::size_t n = parameters_.slots();
    const std::size_t limbs = static_cast<std::size_t>(plaintext.level) + 1;
    require(slots <= n, "{} slots were asked for, but there are {}", slots, n);
    require(
        plaintext.polynomial.ring_dimension() == parameters_.ring_dimension() && plaintext.polynomial.limbs() == limbs,
        "a plaintext of {} limbs in ring dimension {} at level {} does not belong to parameters of ring dimension {}",
        plaintext.polynomial.limbs(), plaintext.polynomial.ring_dimension(), plaintext.level,
        parameters_.ring_dimension());
    RnsPolynomial coefficients = plaintext.polynomial;
    parallel_for(limbs, [&](std::size_t i) {
        kernels().inverse_ntt(coefficients.limb(i).data(), parameters_.q(static_cast<int>(i)));
    });
    const Reconstruction reconstruct(parameters_, limbs);
    std::vector<Complex> values(n);
    constexpr std::size_t kTask = 1024;
    parallel_for((n + kTask - 1) / kTask, [&](std::size_t task) {
        for (std::size_t k = task * kTask; k < std::min(n, (task + 1) * kTask); ++k) {
            values[k] = {static_cast<double>(reconstruct(coefficients, k) / plaintext.scale),
                         static_cast<double>(reconstruct(coefficients, k + n) / plaintext.scale)};
        }
    });
    tables_->fourier.to_slots(values);
    values.resize(slots);
    return values;
}

}  // namespace polyformer::ckks
