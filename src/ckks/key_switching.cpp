#include "ckks/key_switching.h"

#include <algorithm>
#include <functional>

#include "ckks/aligned.h"
#include "ckks/kernels.h"
#include "ckks/rns.h"
#include "support/error.h"
#include "support/parallel.h"

namespace polyformer::ckks {

namespace {

/// Entries multiplied at a time, so that the digits and what is made from the key's seed stay in cache.
constexpr std::size_t kChunk = 2048;

/// Both halves of a row over q_0 .. q_level, p_0 ..: at `scratch` (two rows, which it may fill), or elsewhere.
using PairRow = std::array<const std::uint64_t*, 2>;
using PairSource = std::function<PairRow(std::size_t row, RnsPolynomial& scratch)>;
/// One row of every digit, in evaluation order.
using DigitRows = std::vector<const std::uint64_t*>;

const NttTables& row_tables(const Parameters& parameters, std::size_t row, std::size_t q_rows) {
    return row < q_rows ? parameters.q(static_cast<int>(row)) : parameters.p(static_cast<int>(row - q_rows));
}

std::vector<Modulus> row_moduli(const Parameters& parameters, std::size_t first, std::size_t last, std::size_t q_rows) {
    std::vector<Modulus> moduli;
    for (std::size_t row = first; row < last; ++row) moduli.push_back(row_tables(parameters, row, q_rows).modulus());
    return moduli;
}

/// The digits of x. Rows of primes outside a digit start as coefficients and are transformed when they are needed, so
/// that a product with them finds them in cache.
class Decomposition {
  public:
    Decomposition(const Parameters& parameters, const RnsPolynomial& x, int level, int special, int digit_limbs)
        : parameters_(parameters),
          x_(x),
          q_rows_(static_cast<std::size_t>(level) + 1),
          rows_(q_rows_ + static_cast<std::size_t>(special)),
          width_(static_cast<std::size_t>(digit_limbs)) {
        const std::size_t n = x.ring_dimension();
        std::vector<BaseConverter> converters;
        for (std::size_t first = 0; first < q_rows_; first += width_) converters.push_back(converter(first));
        RnsPolynomial coefficients = RnsPolynomial::uninitialised(n, q_rows_);
        parallel_for(q_rows_, [&](std::size_t row) {
            kernels().scaled_inverse_ntt(coefficients.limb(row).data(), x.limb(row).data(),
                                         converters[row / width_].source_factor(row % width_),
                                         parameters.q(static_cast<int>(row)));
        });
        for (std::size_t d = 0; d < converters.size(); ++d) {
            digits_.push_back(RnsPolynomial::uninitialised(n, rows_));
            std::vector<const std::uint64_t*> in;
            std::vector<std::uint64_t*> out;
            for (std::size_t row = 0; row < rows_; ++row) {
                if (is_own(d, row)) {
                    in.push_back(coefficients.limb(row).data());
                } else {
                    out.push_back(digits_[d].limb(row).data());
                }
            }
            // Centred, since a mean of Q_d/2 in every coefficient would add up in the slots near X = 1: there the noise
            // would be √N times the others'.
            converters[d].convert_centered(in, out, n);
        }
    }

    std::size_t digits() const { return digits_.size(); }
    std::size_t rows() const { return rows_; }

    /// To be called once a row.
    DigitRows transformed(std::size_t row) {
        DigitRows result;
        for (std::size_t d = 0; d < digits_.size(); ++d) {
            if (is_own(d, row)) {
                result.push_back(x_.limb(row).data());
            } else {
                kernels().forward_ntt(digits_[d].limb(row).data(), row_tables(parameters_, row, q_rows_));
                result.push_back(digits_[d].limb(row).data());
            }
        }
        return result;
    }

    std::vector<RnsPolynomial> transformed() && {
        parallel_for(rows_, [&](std::size_t row) {
            transformed(row);
            for (std::size_t d = 0; d < digits_.size(); ++d) {
                if (is_own(d, row)) std::ranges::copy(x_.limb(row), digits_[d].limb(row).begin());
            }
        });
        return std::move(digits_);
    }

  private:
    bool is_own(std::size_t d, std::size_t row) const { return row < q_rows_ && row / width_ == d; }

    /// From the limbs of a digit to all others.
    BaseConverter converter(std::size_t first) const {
        const std::size_t last = std::min(first + width_, q_rows_);
        std::vector<Modulus> to = row_moduli(parameters_, 0, first, q_rows_);
        std::ranges::copy(row_moduli(parameters_, last, rows_, q_rows_), std::back_inserter(to));
        return {row_moduli(parameters_, first, last, q_rows_), to};
    }

    const Parameters& parameters_;
    const RnsPolynomial& x_;
    std::size_t q_rows_;
    std::size_t rows_;
    std::size_t width_;
    std::vector<RnsPolynomial> digits_;
};

std::uint64_t product_modulo(std::span<const Modulus> factors, const Modulus& modulus) {
    std::uint64_t product = 1;
    for (const Modulus& factor : factors) product = modulus.multiply(product, modulus.reduce(factor.value()));
    return product;
}

/// The pair, and P times the addends, divided by P and the top primes: no row of the pair is kept but those of the
/// divisors.
std::array<RnsPolynomial, 2> divide(const Parameters& parameters, const PairSource& source, int level, int special,
                                    const Ending& ending) {
    const std::size_t n = parameters.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(special);
    const std::size_t kept = q_rows - static_cast<std::size_t>(ending.rescaled_levels);
    const auto pair_of_rows = [&](std::size_t count) {
        return std::array{RnsPolynomial::uninitialised(n, count), RnsPolynomial::uninitialised(n, count)};
    };

    const std::vector<Modulus> divisors = row_moduli(parameters, kept, rows, q_rows);
    const BaseConverter converter(divisors, row_moduli(parameters, 0, kept, q_rows));
    std::array<RnsPolynomial, 2> divided = pair_of_rows(rows - kept);
    parallel_for(rows - kept, [&](std::size_t i) {
        const std::size_t row = kept + i;
        const NttTables& tables = row_tables(parameters, row, q_rows);
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const PairRow pair = source(row, scratch);
        for (std::size_t c = 0; c < 2; ++c) {
            std::uint64_t* out = divided[c].limb(i).data();
            const std::uint64_t* in = pair[c];
            if (ending.addends[c] != nullptr && row < q_rows) {
                std::copy_n(in, n, out);
                kernels().multiply_scalar_add(out, ending.addends[c]->limb(row).data(),
                                              special_product(parameters, special, tables.modulus()), n,
                                              tables.modulus());
                in = out;
            }
            kernels().scaled_inverse_ntt(out, in, converter.source_factor(i), tables);
        }
    });

    std::array<RnsPolynomial, 2> remainders = pair_of_rows(kept);
    for (std::size_t c = 0; c < 2; ++c) {
        std::vector<const std::uint64_t*> in;
        std::vector<std::uint64_t*> out;
        for (std::size_t i = 0; i < rows - kept; ++i) in.push_back(divided[c].limb(i).data());
        for (std::size_t i = 0; i < kept; ++i) out.push_back(remainders[c].limb(i).data());
        converter.convert_centered(in, out, n);
    }

    std::array<RnsPolynomial, 2> result = pair_of_rows(kept);
    parallel_for(kept, [&](std::size_t row) {
        const NttTables& tables = parameters.q(static_cast<int>(row));
        const Modulus& q = tables.modulus();
        const std::uint64_t inverse = q.inverse(product_modulo(divisors, q));
        const std::uint64_t weight = q.multiply(inverse, special_product(parameters, special, q));
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const PairRow pair = source(row, scratch);
        for (std::size_t c = 0; c < 2; ++c) {
            std::uint64_t* remainder = remainders[c].limb(row).data();
            kernels().forward_ntt(remainder, tables);
            kernels().subtract_multiply_add(
                result[c].limb(row).data(), pair[c], remainder, inverse,
                ending.addends[c] == nullptr ? nullptr : ending.addends[c]->limb(row).data(), weight,
                ending.permutation == nullptr ? nullptr : ending.permutation->data(), n, q);
        }
    });
    return result;
}

}  // namespace

std::uint64_t special_product(const Parameters& parameters, int special, const Modulus& modulus) {
    return product_modulo(row_moduli(parameters, 0, static_cast<std::size_t>(special), 0), modulus);
}

std::vector<RnsPolynomial> decompose(const Parameters& parameters, const RnsPolynomial& x, int level, int special,
                                     int digit_limbs) {
    return Decomposition(parameters, x, level, special, digit_limbs).transformed();
}

namespace {

std::array<std::uint64_t*, 2> rows_of(RnsPolynomial& pair) {
    return {pair.limb(0).data(), pair.limb(1).data()};
}

DigitRows rows_of(std::span<const RnsPolynomial> digits, std::size_t row) {
    DigitRows result;
    for (const RnsPolynomial& digit : digits) result.push_back(digit.limb(row).data());
    return result;
}

}  // namespace

void multiply_row_by_key(const Parameters& parameters, std::span<const std::uint64_t* const> digits,
                         const SwitchingKey& key, std::size_t row, int level, std::array<std::uint64_t*, 2> out) {
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const bool special = row >= q_rows;
    const std::size_t prime = special ? row - q_rows : row;
    const std::size_t key_row = special ? prime + static_cast<std::size_t>(key.level) + 1 : row;
    const Modulus& modulus = row_tables(parameters, row, q_rows).modulus();
    const std::size_t n = parameters.ring_dimension();
    std::vector<const std::uint64_t*> digit_rows(digits.size());
    std::vector<const std::uint64_t*> b_rows(digits.size());
    std::vector<const std::uint64_t*> a_rows(digits.size());
    std::vector<UniformStream> streams;
    AlignedWords uniform(digits.size() * kChunk);
    for (std::size_t d = 0; d < digits.size(); ++d) {
        a_rows[d] = uniform.data() + d * kChunk;
        streams.push_back(key.a(parameters, d, special, prime));
    }
    for (std::size_t begin = 0; begin < n; begin += kChunk) {
        const std::size_t length = std::min(kChunk, n - begin);
        for (std::size_t d = 0; d < digits.size(); ++d) {
            digit_rows[d] = digits[d] + begin;
            b_rows[d] = key.b[d].limb(key_row).data() + begin;
            streams[d].next({uniform.data() + d * kChunk, length});
        }
        kernels().inner_product(out[0] + begin, digit_rows.data(), b_rows.data(), digits.size(), length, modulus,
                                false);
        kernels().inner_product(out[1] + begin, digit_rows.data(), a_rows.data(), digits.size(), length, modulus,
                                false);
    }
}

std::array<RnsPolynomial, 2> multiply_by_key(const Parameters& parameters, std::span<const RnsPolynomial> digits,
                                             const SwitchingKey& key, int level, const Ending& ending) {
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const std::size_t n = digits.front().ring_dimension();
    const std::size_t rows = digits.front().limbs();
    std::array<RnsPolynomial, 2> result{RnsPolynomial::uninitialised(n, rows), RnsPolynomial::uninitialised(n, rows)};
    parallel_for(rows, [&](std::size_t row) {
        const Modulus& modulus = row_tables(parameters, row, q_rows).modulus();
        const std::array<std::uint64_t*, 2> out{result[0].limb(row).data(), result[1].limb(row).data()};
        RnsPolynomial scratch;
        if (ending.permutation != nullptr) scratch = RnsPolynomial::uninitialised(n, 2);
        const std::array<std::uint64_t*, 2> product = ending.permutation == nullptr ? out : rows_of(scratch);
        multiply_row_by_key(parameters, rows_of(digits, row), key, row, level, product);
        for (std::size_t c = 0; c < 2; ++c) {
            // P·c is 0 modulo the special primes.
            if (ending.addends[c] != nullptr && row < q_rows) {
                kernels().multiply_scalar_add(product[c], ending.addends[c]->limb(row).data(),
                                              special_product(parameters, key.special, modulus), n, modulus);
            }
            if (ending.permutation != nullptr) kernels().permute(out[c], product[c], ending.permutation->data(), n);
        }
    });
    return result;
}

std::array<RnsPolynomial, 2> divide_by_special(const Parameters& parameters, const std::array<RnsPolynomial, 2>& x,
                                               int level, int special, const Ending& ending) {
    const auto source = [&](std::size_t row, RnsPolynomial&) -> PairRow {
        return {x[0].limb(row).data(), x[1].limb(row).data()};
    };
    return divide(parameters, source, level, special, ending);
}

std::array<RnsPolynomial, 2> switch_key(const Parameters& parameters, std::span<const RnsPolynomial> digits,
                                        const SwitchingKey& key, int level, const Ending& ending) {
    const auto source = [&](std::size_t row, RnsPolynomial& scratch) -> PairRow {
        multiply_row_by_key(parameters, rows_of(digits, row), key, row, level, rows_of(scratch));
        return {scratch.limb(0).data(), scratch.limb(1).data()};
    };
    return divide(parameters, source, level, key.special, ending);
}

std::array<RnsPolynomial, 2> switch_key(const Parameters& parameters, const RnsPolynomial& x, const SwitchingKey& key,
                                        int level, const Ending& ending) {
    Decomposition digits(parameters, x, level, key.special, key.digit_limbs);
    const auto source = [&](std::size_t row, RnsPolynomial& scratch) -> PairRow {
        multiply_row_by_key(parameters, digits.transformed(row), key, row, level, rows_of(scratch));
        return {scratch.limb(0).data(), scratch.limb(1).data()};
    };
    return divide(parameters, source, level, key.special, ending);
}

}  // namespace polyformer::ckks
