#include "polyformer/ckks/key_switching/key_product.h"

#include <algorithm>
#include <memory>

#include "polyformer/ckks/arithmetic/aligned.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// Entries multiplied at a time, so that the digits and what is made from the key's seed stay in cache.
constexpr std::size_t kChunk = 2048;

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
        : modulus_(parameters.row(level, row).modulus()),
          n_(parameters.ring_dimension()),
          key_row_(key_row(key, row, level)),
          digit_chunk_(digits),
          b_chunk_(digits),
          a_chunk_(digits) {
        const auto q_rows = static_cast<std::size_t>(level) + 1;
        const bool special = row >= q_rows;
        const std::size_t prime = special ? row - q_rows : row;
        require(digits <= key.b.size(), "{} digits meet a switching key of {}", digits, key.b.size());
        for (std::size_t d = 0; d < digits; ++d) {
            b_.push_back(&key.b[d]);
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
                next_while_fetching(streams_[d], {uniform.data() + d * kChunk, length}, b_[d]->row(key_row_, begin));
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
    /// Where a row over q_0 .. q_level, p_0 .. is among those of a key that reaches higher.
    static std::size_t key_row(const SwitchingKey& key, std::size_t row, int level) {
        return row <= static_cast<std::size_t>(level) ? row : row + static_cast<std::size_t>(key.level - level);
    }

    /// Entries [begin, begin + length), of which a_chunk_ has the uniform half.
    void multiply_chunk(std::span<const std::uint64_t* const> digits, std::size_t begin, std::size_t length,
                        std::array<std::uint64_t*, 2> out) {
        const std::size_t count = b_.size();
        require(digits.size() == count, "{} digits of a ciphertext meet {} of a switching key", digits.size(), count);
        std::size_t bytes = 0;  // what is left of each row
        for (std::size_t d = 0; d < count; ++d) {
            digit_chunk_[d] = digits[d] + begin;
            const std::span<const std::byte> packed = b_[d]->row(key_row_, begin);
            b_chunk_[d] = packed.data();
            bytes = packed.size();
        }
        kernels().packed_inner_product(out[0] + begin, digit_chunk_.data(), b_chunk_.data(), bytes, modulus_.bits(),
                                       count, length, modulus_, false);
        kernels().inner_product(out[1] + begin, digit_chunk_.data(), a_chunk_.data(), count, length, modulus_, false);
    }

    const Modulus& modulus_;
    std::size_t n_;
    std::size_t key_row_;
    std::vector<const PackedRows*> b_;
    std::vector<UniformStream> streams_;
    RnsPolynomial uniform_;
    // Of the chunk at hand.
    std::vector<const std::uint64_t*> digit_chunk_;
    std::vector<const std::byte*> b_chunk_;
    std::vector<const std::uint64_t*> a_chunk_;
};

}  // namespace

std::vector<PolynomialPair> uninitialised_pairs(std::size_t count, std::size_t n, std::size_t rows) {
    std::vector<PolynomialPair> pairs(count);
    for (PolynomialPair& pair : pairs) {
        for (RnsPolynomial& half : pair) half = RnsPolynomial::uninitialised(n, rows);
    }
    return pairs;
}

DigitSource digit_source(DigitBatch digits) {
    return [=](std::size_t ciphertext, std::size_t row) { return rows_of(digits[ciphertext], row); };
}

DigitSource digit_source(std::vector<Decomposition>& decomposed) {
    return [&](std::size_t ciphertext, std::size_t row) { return decomposed[ciphertext].transformed(row); };
}

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

void multiply_row_by_key(const Parameters& parameters, std::span<const std::uint64_t* const> digits,
                         const SwitchingKey& key, std::size_t row, int level, std::array<std::uint64_t*, 2> out) {
    KeyRow(parameters, key, row, level, digits.size()).multiply_once(digits, out);
}

std::vector<PolynomialPair> multiply_by_key(const Parameters& parameters,
                                            std::span<const RnsPolynomial* const> polynomials, const SwitchingKey& key,
                                            int level, std::span<const Ending> endings) {
    std::vector<Decomposition> decomposed = decompositions(parameters, polynomials, key, level);
    const DigitSource digits = digit_source(decomposed);
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const std::size_t n = parameters.ring_dimension();
    const std::size_t rows = q_rows + static_cast<std::size_t>(key.special);
    std::vector<PolynomialPair> results = uninitialised_pairs(endings.size(), n, rows);
    const PairSource source = key_products(parameters, digits, endings.size(), key, level);
    parallel_for(rows, [&](std::size_t row) {
        const Modulus& modulus = parameters.row(level, row).modulus();
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const auto product = rows_of(scratch);
        const RowOfPairs pairs = source(row);
        for (std::size_t k = 0; k < endings.size(); ++k) {
            pairs(k, scratch);
            for (std::size_t c = 0; c < 2; ++c) {
                // P·c is 0 modulo the special primes.
                if (endings[k].addends[c] != nullptr && row < q_rows) {
                    kernels().multiply_scalar_add(product[c], endings[k].addends[c]->limb(row).data(),
                                                  parameters.special_product(key.special, modulus), n, modulus);
                }
                if (c == 0 && endings[k].extended != nullptr) {
                    kernels().add(product[c], product[c], endings[k].extended->limb(row).data(), n, modulus);
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

}  // namespace polyformer::ckks
