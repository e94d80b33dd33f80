#include "polyformer/ckks/scheme/key_switching.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/rns.h"
#include "polyformer/support/error.h"
#include "polyformer/support/parallel.h"

namespace polyformer::ckks {

namespace {

/// Entries multiplied at a time, so that the digits and what is made from the key's seed stay in cache.
constexpr std::size_t kChunk = 2048;

/// Both halves of a row over q_0 .. q_level, p_0 ..
using PairRow = std::array<const std::uint64_t*, 2>;
/// Makes that row of one pair after the other: at `scratch` (two rows, which it may fill), or elsewhere.
using RowOfPairs = std::function<PairRow(std::size_t pair, RnsPolynomial& scratch)>;
using PairSource = std::function<RowOfPairs(std::size_t row)>;
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

std::vector<PolynomialPair> uninitialised_pairs(std::size_t count, std::size_t n, std::size_t rows) {
    std::vector<PolynomialPair> pairs(count);
    for (PolynomialPair& pair : pairs) {
        for (RnsPolynomial& half : pair) half = RnsPolynomial::uninitialised(n, rows);
    }
    return pairs;
}

/// Each pair, and P times its addends, divided by P and the top primes, of which all endings take off as many: no row
/// of a pair is kept but those of the divisors.
std::vector<PolynomialPair> divide(const Parameters& parameters, const PairSource& source, int level, int special,
                                   std::span<const Ending> endings) {
    const std::size_t n = parameters.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(special);
    const std::size_t kept = q_rows - static_cast<std::size_t>(endings.front().rescaled_levels);
    const std::vector<Modulus> divisors = row_moduli(parameters, kept, rows, q_rows);
    const BaseConverter converter(divisors, row_moduli(parameters, 0, kept, q_rows));
    std::vector<PolynomialPair> divided = uninitialised_pairs(endings.size(), n, rows - kept);
    parallel_for(rows - kept, [&](std::size_t i) {
        const std::size_t row = kept + i;
        const NttTables& tables = row_tables(parameters, row, q_rows);
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const RowOfPairs pairs = source(row);
        for (std::size_t k = 0; k < endings.size(); ++k) {
            const PairRow pair = pairs(k, scratch);
            for (std::size_t c = 0; c < 2; ++c) {
                std::uint64_t* out = divided[k][c].limb(i).data();
                const std::uint64_t* in = pair[c];
                if (endings[k].addends[c] != nullptr && row < q_rows) {
                    std::copy_n(in, n, out);
                    kernels().multiply_scalar_add(out, endings[k].addends[c]->limb(row).data(),
                                                  special_product(parameters, special, tables.modulus()), n,
                                                  tables.modulus());
                    in = out;
                }
                kernels().scaled_inverse_ntt(out, in, converter.source_factor(i), tables);
            }
        }
    });

    std::vector<PolynomialPair> remainders = uninitialised_pairs(endings.size(), n, kept);
    for (std::size_t k = 0; k < endings.size(); ++k) {
        for (std::size_t c = 0; c < 2; ++c) {
            std::vector<const std::uint64_t*> in;
            std::vector<std::uint64_t*> out;
            for (std::size_t i = 0; i < rows - kept; ++i) in.push_back(divided[k][c].limb(i).data());
            for (std::size_t i = 0; i < kept; ++i) out.push_back(remainders[k][c].limb(i).data());
            converter.convert_centered(in, out, n);
        }
    }

    std::vector<PolynomialPair> results = uninitialised_pairs(endings.size(), n, kept);
    parallel_for(kept, [&](std::size_t row) {
        const NttTables& tables = parameters.q(static_cast<int>(row));
        const Modulus& q = tables.modulus();
        const std::uint64_t inverse = q.inverse(product_modulo(divisors, q));
        const std::uint64_t weight = q.multiply(inverse, special_product(parameters, special, q));
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const RowOfPairs pairs = source(row);
        for (std::size_t k = 0; k < endings.size(); ++k) {
            const PairRow pair = pairs(k, scratch);
            const Ending& ending = endings[k];
            for (std::size_t c = 0; c < 2; ++c) {
                std::uint64_t* remainder = remainders[k][c].limb(row).data();
                kernels().forward_ntt(remainder, tables);
                kernels().subtract_multiply_add(
                    results[k][c].limb(row).data(), pair[c], remainder, inverse,
                    ending.addends[c] == nullptr ? nullptr : ending.addends[c]->limb(row).data(), weight,
                    ending.permutation == nullptr ? nullptr : ending.permutation->data(), n, q);
            }
        }
    });
    return results;
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

/// One row of a key: what its product with any number of digits takes.
class KeyRow {
  public:
    KeyRow(const Parameters& parameters, const SwitchingKey& key, std::size_t row, int level, std::size_t digits)
        : modulus_(row_tables(parameters, row, static_cast<std::size_t>(level) + 1).modulus()),
          n_(parameters.ring_dimension()),
          digit_chunk_(digits),
          b_chunk_(digits),
          a_chunk_(digits) {
        const auto q_rows = static_cast<std::size_t>(level) + 1;
        const bool special = row >= q_rows;
        const std::size_t prime = special ? row - q_rows : row;
        const std::size_t key_row = special ? prime + static_cast<std::size_t>(key.level) + 1 : row;
        for (std::size_t d = 0; d < digits; ++d) {
            b_.push_back(key.b[d].limb(key_row).data());
            streams_.push_back(key.a(parameters, d, special, prime));
        }
    }

    /// Σ_d digits[d] · (b_d, a_d) for the only ciphertext: the uniform half is made chunk by chunk.
    void multiply_once(std::span<const std::uint64_t* const> digits, std::array<std::uint64_t*, 2> out) {
        AlignedWords uniform(b_.size() * kChunk);
        for (std::size_t begin = 0; begin < n_; begin += kChunk) {
            const std::size_t length = std::min(kChunk, n_ - begin);
            for (std::size_t d = 0; d < b_.size(); ++d) {
                a_chunk_[d] = uniform.data() + d * kChunk;
                streams_[d].next({uniform.data() + d * kChunk, length});
            }
            multiply_chunk(digits, begin, length, out);
        }
    }

    /// The same for one of several ciphertexts: the uniform half is made for the first and kept.
    void multiply(std::span<const std::uint64_t* const> digits, std::array<std::uint64_t*, 2> out) {
        if (uniform_.limbs() == 0) {
            uniform_ = RnsPolynomial::uninitialised(n_, b_.size());
            for (std::size_t d = 0; d < b_.size(); ++d) streams_[d].next(uniform_.limb(d));
        }
        for (std::size_t begin = 0; begin < n_; begin += kChunk) {
            for (std::size_t d = 0; d < b_.size(); ++d) a_chunk_[d] = uniform_.limb(d).data() + begin;
            multiply_chunk(digits, begin, std::min(kChunk, n_ - begin), out);
        }
    }

  private:
    /// Entries [begin, begin + length), of which a_chunk_ has the uniform half.
    void multiply_chunk(std::span<const std::uint64_t* const> digits, std::size_t begin, std::size_t length,
                        std::array<std::uint64_t*, 2> out) {
        const std::size_t count = b_.size();
        for (std::size_t d = 0; d < count; ++d) {
            digit_chunk_[d] = digits[d] + begin;
            b_chunk_[d] = b_[d] + begin;
        }
        kernels().inner_product(out[0] + begin, digit_chunk_.data(), b_chunk_.data(), count, length, modulus_, false);
        kernels().inner_product(out[1] + begin, digit_chunk_.data(), a_chunk_.data(), count, length, modulus_, false);
    }

    const Modulus& modulus_;
    std::size_t n_;
    std::vector<const std::uint64_t*> b_;
    std::vector<UniformStream> streams_;
    RnsPolynomial uniform_;
    // Of the chunk at hand.
    std::vector<const std::uint64_t*> digit_chunk_;
    std::vector<const std::uint64_t*> b_chunk_;
    std::vector<const std::uint64_t*> a_chunk_;
};

/// One row of every digit of a ciphertext; asked for once only where the digits are still to be transformed.
using DigitSource = std::function<DigitRows(std::size_t ciphertext, std::size_t row)>;

DigitSource rows_of(DigitBatch digits) {
    return [=](std::size_t ciphertext, std::size_t row) { return rows_of(digits[ciphertext], row); };
}

/// Of some polynomials.
std::vector<Decomposition> decompositions(const Parameters& parameters,
                                          std::span<const RnsPolynomial* const> polynomials, const SwitchingKey& key,
                                          int level) {
    std::vector<Decomposition> result;
    result.reserve(polynomials.size());
    for (const RnsPolynomial* x : polynomials) {
        result.emplace_back(parameters, *x, level, key.special, key.digit_limbs);
    }
    return result;
}

DigitSource rows_of(std::vector<Decomposition>& decomposed) {
    return [&](std::size_t ciphertext, std::size_t row) { return decomposed[ciphertext].transformed(row); };
}

/// The rows of the products of `count` ciphertexts' digits with one key.
PairSource key_products(const Parameters& parameters, const DigitSource& digits, std::size_t count,
                        const SwitchingKey& key, int level) {
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const auto width = static_cast<std::size_t>(key.digit_limbs);
    const std::size_t digit_count = (q_rows + width - 1) / width;
    return [=, &parameters, &key](std::size_t row) -> RowOfPairs {
        const auto key_row = std::make_shared<KeyRow>(parameters, key, row, level, digit_count);
        return [=](std::size_t pair, RnsPolynomial& scratch) -> PairRow {
            const auto out = rows_of(scratch);
            if (count == 1) {
                key_row->multiply_once(digits(pair, row), out);
            } else {
                key_row->multiply(digits(pair, row), out);
            }
            return {out[0], out[1]};
        };
    };
}

std::vector<PolynomialPair> extended_products(const Parameters& parameters, const DigitSource& digits,
                                              const SwitchingKey& key, int level, std::span<const Ending> endings) {
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const std::size_t n = parameters.ring_dimension();
    const std::size_t rows = q_rows + static_cast<std::size_t>(key.special);
    std::vector<PolynomialPair> results = uninitialised_pairs(endings.size(), n, rows);
    const PairSource source = key_products(parameters, digits, endings.size(), key, level);
    parallel_for(rows, [&](std::size_t row) {
        const Modulus& modulus = row_tables(parameters, row, q_rows).modulus();
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const auto product = rows_of(scratch);
        const RowOfPairs pairs = source(row);
        for (std::size_t k = 0; k < endings.size(); ++k) {
            pairs(k, scratch);
            for (std::size_t c = 0; c < 2; ++c) {
                // P·c is 0 modulo the special primes.
                if (endings[k].addends[c] != nullptr && row < q_rows) {
                    kernels().multiply_scalar_add(product[c], endings[k].addends[c]->limb(row).data(),
                                                  special_product(parameters, key.special, modulus), n, modulus);
                }
                std::uint64_t* out = results[k][c].limb(row).data();
                if (endings[k].permutation != nullptr) {
                    kernels().permute(out, product[c], endings[k].permutation->data(), n);
                } else {
                    std::copy_n(product[c], n, out);
                }
            }
        }
    });
    return results;
}

}  // namespace

void multiply_row_by_key(const Parameters& parameters, std::span<const std::uint64_t* const> digits,
                         const SwitchingKey& key, std::size_t row, int level, std::array<std::uint64_t*, 2> out) {
    KeyRow(parameters, key, row, level, digits.size()).multiply_once(digits, out);
}

PolynomialPair multiply_by_key(const Parameters& parameters, std::span<const RnsPolynomial> digits,
                               const SwitchingKey& key, int level, const Ending& ending) {
    return std::move(multiply_by_key(parameters, std::span(&digits, 1), key, level, std::span(&ending, 1)).front());
}

std::vector<PolynomialPair> multiply_by_key(const Parameters& parameters, DigitBatch digits, const SwitchingKey& key,
                                            int level, std::span<const Ending> endings) {
    return extended_products(parameters, rows_of(digits), key, level, endings);
}

std::vector<PolynomialPair> multiply_by_key(const Parameters& parameters,
                                            std::span<const RnsPolynomial* const> polynomials, const SwitchingKey& key,
                                            int level, std::span<const Ending> endings) {
    std::vector<Decomposition> decomposed = decompositions(parameters, polynomials, key, level);
    return extended_products(parameters, rows_of(decomposed), key, level, endings);
}

PolynomialPair divide_by_special(const Parameters& parameters, const PolynomialPair& x, int level, int special,
                                 const Ending& ending) {
    const PairSource source = [&](std::size_t row) -> RowOfPairs {
        return [&x, row](std::size_t, RnsPolynomial&) -> PairRow {
            return {x[0].limb(row).data(), x[1].limb(row).data()};
        };
    };
    return std::move(divide(parameters, source, level, special, std::span(&ending, 1)).front());
}

PolynomialPair switch_key(const Parameters& parameters, std::span<const RnsPolynomial> digits, const SwitchingKey& key,
                          int level, const Ending& ending) {
    return std::move(switch_key(parameters, std::span(&digits, 1), key, level, std::span(&ending, 1)).front());
}

std::vector<PolynomialPair> switch_key(const Parameters& parameters, DigitBatch digits, const SwitchingKey& key,
                                       int level, std::span<const Ending> endings) {
    return divide(parameters, key_products(parameters, rows_of(digits), digits.size(), key, level), level, key.special,
                  endings);
}

PolynomialPair switch_key(const Parameters& parameters, const RnsPolynomial& x, const SwitchingKey& key, int level,
                          const Ending& ending) {
    const RnsPolynomial* const polynomial = &x;
    std::vector<Decomposition> decomposed = decompositions(parameters, std::span(&polynomial, 1), key, level);
    return std::move(divide(parameters, key_products(parameters, rows_of(decomposed), 1, key, level), level,
                            key.special, std::span(&ending, 1))
                         .front());
}

}  // namespace polyformer::ckks
