#include "ckks/key_switching.h"

#include <algorithm>

#include "ckks/aligned.h"
#include "ckks/kernels.h"
#include "ckks/rns.h"
#include "support/error.h"
#include "support/parallel.h"

namespace polyformer::ckks {

namespace {

/// Entries multiplied at a time, so that the digits and what is made from the key's seed stay in cache.
constexpr std::size_t kChunk = 2048;

const NttTables& row_tables(const Parameters& parameters, std::size_t row, std::size_t q_rows) {
    return row < q_rows ? parameters.q(static_cast<int>(row)) : parameters.p(static_cast<int>(row - q_rows));
}

std::vector<Modulus> special_moduli(const Parameters& parameters, std::size_t special) {
    std::vector<Modulus> moduli;
    for (std::size_t j = 0; j < special; ++j) moduli.push_back(parameters.p(static_cast<int>(j)).modulus());
    return moduli;
}

/// Fills the rows of `digit` outside [first, first + count) from those inside; `coefficients` are x in coefficient
/// form.
void raise_digit(const Parameters& parameters, const RnsPolynomial& coefficients, std::size_t q_rows, std::size_t first,
                 std::size_t count, RnsPolynomial& digit) {
    std::vector<Modulus> from;
    std::vector<Modulus> to;
    std::vector<const std::uint64_t*> in;
    std::vector<std::uint64_t*> out;
    std::vector<std::size_t> target_rows;
    for (std::size_t row = 0; row < digit.limbs(); ++row) {
        const Modulus& modulus = row_tables(parameters, row, q_rows).modulus();
        if (row >= first && row < first + count) {
            from.push_back(modulus);
            in.push_back(coefficients.limb(row).data());
        } else {
            to.push_back(modulus);
            out.push_back(digit.limb(row).data());
            target_rows.push_back(row);
        }
    }
    // Centred, since a mean of Q_d/2 in every coefficient would add up in the slots near X = 1: there the noise would
    // be √N times the others'.
    BaseConverter(from, to).convert_centered(in, out, digit.ring_dimension());
    parallel_for(target_rows.size(),
                 [&](std::size_t i) { kernels().forward_ntt(out[i], row_tables(parameters, target_rows[i], q_rows)); });
}

}  // namespace

std::uint64_t special_product(const Parameters& parameters, int special, const Modulus& modulus) {
    std::uint64_t product = 1;
    for (int j = 0; j < special; ++j) {
        product = modulus.multiply(product, modulus.reduce(parameters.p(j).modulus().value()));
    }
    return product;
}

std::vector<RnsPolynomial> decompose(const Parameters& parameters, const RnsPolynomial& x, int level, int special,
                                     int digit_limbs) {
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const auto width = static_cast<std::size_t>(digit_limbs);
    const std::size_t n = x.ring_dimension();
    RnsPolynomial coefficients = RnsPolynomial::uninitialised(n, q_rows);
    parallel_for(q_rows, [&](std::size_t row) {
        std::copy(x.limb(row).begin(), x.limb(row).end(), coefficients.limb(row).begin());
        kernels().inverse_ntt(coefficients.limb(row).data(), parameters.q(static_cast<int>(row)));
    });
    std::vector<RnsPolynomial> digits;
    for (std::size_t first = 0; first < q_rows; first += width) {
        const std::size_t count = std::min(width, q_rows - first);
        digits.push_back(RnsPolynomial::uninitialised(n, q_rows + static_cast<std::size_t>(special)));
        for (std::size_t row = first; row < first + count; ++row) {
            std::copy(x.limb(row).begin(), x.limb(row).end(), digits.back().limb(row).begin());
        }
        raise_digit(parameters, coefficients, q_rows, first, count, digits.back());
    }
    return digits;
}

std::array<RnsPolynomial, 2> multiply_by_key(const Parameters& parameters, std::span<const RnsPolynomial> digits,
                                             const SwitchingKey& key, int level) {
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const auto key_q_rows = static_cast<std::size_t>(key.level) + 1;
    const std::size_t n = digits.front().ring_dimension();
    const std::size_t rows = digits.front().limbs();
    std::array<RnsPolynomial, 2> result{RnsPolynomial::uninitialised(n, rows), RnsPolynomial::uninitialised(n, rows)};
    parallel_for(rows, [&](std::size_t row) {
        const std::size_t key_row = row < q_rows ? row : row - q_rows + key_q_rows;
        const Modulus& modulus = row_tables(parameters, row, q_rows).modulus();
        std::vector<const std::uint64_t*> digit_rows(digits.size());
        std::vector<const std::uint64_t*> b_rows(digits.size());
        std::vector<const std::uint64_t*> a_rows(digits.size());
        std::vector<UniformStream> streams;
        AlignedWords uniform(digits.size() * kChunk);
        for (std::size_t d = 0; d < digits.size(); ++d) {
            a_rows[d] = uniform.data() + d * kChunk;
            streams.push_back(key.a(parameters, d, row >= q_rows, row < q_rows ? row : row - q_rows));
        }
        for (std::size_t begin = 0; begin < n; begin += kChunk) {
            const std::size_t length = std::min(kChunk, n - begin);
            for (std::size_t d = 0; d < digits.size(); ++d) {
                digit_rows[d] = digits[d].limb(row).data() + begin;
                b_rows[d] = key.b[d].limb(key_row).data() + begin;
                streams[d].next({uniform.data() + d * kChunk, length});
            }
            kernels().inner_product(result[0].limb(row).data() + begin, digit_rows.data(), b_rows.data(), digits.size(),
                                    length, modulus, false);
            kernels().inner_product(result[1].limb(row).data() + begin, digit_rows.data(), a_rows.data(), digits.size(),
                                    length, modulus, false);
        }
    });
    return result;
}

std::array<RnsPolynomial, 2> divide_by_special(const Parameters& parameters, std::array<RnsPolynomial, 2> x, int level,
                                               int special) {
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const auto p_rows = static_cast<std::size_t>(special);
    const std::size_t n = x[0].ring_dimension();
    parallel_for(2 * p_rows, [&](std::size_t task) {
        const std::size_t j = task % p_rows;
        kernels().inverse_ntt(x[task / p_rows].limb(q_rows + j).data(), parameters.p(static_cast<int>(j)));
    });
    const std::vector<Modulus> from = special_moduli(parameters, p_rows);
    std::vector<Modulus> to;
    std::vector<std::uint64_t> inverses;
    for (int i = 0; i <= level; ++i) {
        const Modulus& modulus = parameters.q(i).modulus();
        to.push_back(modulus);
        inverses.push_back(modulus.inverse(special_product(parameters, special, modulus)));
    }
    const BaseConverter converter(from, to);
    for (RnsPolynomial& polynomial : x) {
        RnsPolynomial remainder = RnsPolynomial::uninitialised(n, q_rows);
        std::vector<const std::uint64_t*> in;
        std::vector<std::uint64_t*> out;
        for (std::size_t j = 0; j < p_rows; ++j) in.push_back(polynomial.limb(q_rows + j).data());
        for (std::size_t i = 0; i < q_rows; ++i) out.push_back(remainder.limb(i).data());
        converter.convert_centered(in, out, n);
        parallel_for(q_rows, [&](std::size_t i) {
            const NttTables& tables = parameters.q(static_cast<int>(i));
            kernels().forward_ntt(out[i], tables);
            kernels().subtract_multiply_scalar(out[i], polynomial.limb(i).data(), out[i], inverses[i], n,
                                               tables.modulus());
        });
        polynomial = std::move(remainder);
    }
    return x;
}

std::array<RnsPolynomial, 2> switch_key(const Parameters& parameters, const RnsPolynomial& x, const SwitchingKey& key,
                                        int level) {
    const std::vector<RnsPolynomial> digits = decompose(parameters, x, level, key.special, key.digit_limbs);
    return divide_by_special(parameters, multiply_by_key(parameters, digits, key, level), level, key.special);
}

}  // namespace polyformer::ckks
