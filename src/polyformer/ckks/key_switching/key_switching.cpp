#include "polyformer/ckks/key_switching/key_switching.h"

#include <algorithm>
#include <utility>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/rns.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::ckks {

namespace {

/// `count` pairs of which only the halves from `first_half` on have rows.
std::vector<PolynomialPair> uninitialised_halves(std::size_t count, std::size_t n, std::size_t rows,
                                                 std::size_t first_half) {
    std::vector<PolynomialPair> pairs(count);
    for (PolynomialPair& pair : pairs) {
        for (std::size_t c = first_half; c < 2; ++c) pair[c] = RnsPolynomial::uninitialised(n, rows);
    }
    return pairs;
}

/// Each pair, and P times its addends, divided by P and the top primes, of which all endings take off as many: no row
/// of a pair is kept but those of the divisors. With `first_half` 1 only the second halves.
std::vector<PolynomialPair> divide(const Parameters& parameters, const PairSource& source, int level, int special,
                                   std::span<const Ending> endings, std::size_t first_half = 0) {
    const std::size_t n = parameters.ring_dimension();
    const auto q_rows = static_cast<std::size_t>(level) + 1;
    const std::size_t rows = q_rows + static_cast<std::size_t>(special);
    const std::size_t kept = q_rows - static_cast<std::size_t>(endings.front().rescaled_levels);
    const BaseConverter converter(parameters.moduli(level, kept, rows), parameters.moduli(level, 0, kept));
    std::vector<PolynomialPair> divided = uninitialised_halves(endings.size(), n, rows - kept, first_half);
    parallel_for(rows - kept, [&](std::size_t i) {
        const std::size_t row = kept + i;
        const NttTables& tables = parameters.row(level, row);
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const RowOfPairs pairs = source(row);
        for (std::size_t k = 0; k < endings.size(); ++k) {
            const PairRow pair = pairs(k, scratch);
            for (std::size_t c = first_half; c < 2; ++c) {
                std::uint64_t* out = divided[k][c].limb(i).data();
                const std::uint64_t* in = pair[c];
                if (endings[k].addends[c] != nullptr && row < q_rows) {
                    std::copy_n(in, n, out);
                    kernels().multiply_scalar_add(out, endings[k].addends[c]->limb(row).data(),
                                                  parameters.special_product(special, tables.modulus()), n,
                                                  tables.modulus());
                    in = out;
                }
                kernels().scaled_inverse_ntt(out, in, converter.source_factor(i), tables);
            }
        }
    });

    std::vector<PolynomialPair> remainders = uninitialised_halves(endings.size(), n, kept, first_half);
    for (std::size_t k = 0; k < endings.size(); ++k) {
        for (std::size_t c = first_half; c < 2; ++c) {
            std::vector<const std::uint64_t*> in;
            std::vector<std::uint64_t*> out;
            for (std::size_t i = 0; i < rows - kept; ++i) in.push_back(divided[k][c].limb(i).data());
            for (std::size_t i = 0; i < kept; ++i) out.push_back(remainders[k][c].limb(i).data());
            converter.convert_centered(in, out, n);
        }
    }

    std::vector<PolynomialPair> results = uninitialised_halves(endings.size(), n, kept, first_half);
    parallel_for(kept, [&](std::size_t row) {
        const NttTables& tables = parameters.q(static_cast<int>(row));
        const Modulus& q = tables.modulus();
        const std::uint64_t p = parameters.special_product(special, q);
        std::uint64_t divisor = p;
        for (std::size_t i = kept; i < q_rows; ++i) {
            divisor = q.multiply(divisor, q.reduce(parameters.row(level, i).modulus().value()));
        }
        const std::uint64_t inverse = q.inverse(divisor);
        const std::uint64_t weight = q.multiply(inverse, p);
        RnsPolynomial scratch = RnsPolynomial::uninitialised(n, 2);
        const RowOfPairs pairs = source(row);
        for (std::size_t k = 0; k < endings.size(); ++k) {
            const PairRow pair = pairs(k, scratch);
            const Ending& ending = endings[k];
            for (std::size_t c = first_half; c < 2; ++c) {
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

PolynomialPair divide_by_special(const Parameters& parameters, const PolynomialPair& x, int level, int special,
                                 const Ending& ending) {
    const PairSource source = [&](std::size_t row) -> RowOfPairs {
        return [&x, row](std::size_t, RnsPolynomial&) -> PairRow {
            return {x[0].limb(row).data(), x[1].limb(row).data()};
        };
    };
    return std::move(divide(parameters, source, level, special, std::span(&ending, 1)).front());
}

RnsPolynomial divide_by_special(const Parameters& parameters, const RnsPolynomial& x, int level, int special) {
    const PairSource source = [&](std::size_t row) -> RowOfPairs {
        return [&x, row](std::size_t, RnsPolynomial&) -> PairRow { return {nullptr, x.limb(row).data()}; };
    };
    const Ending ending;
    return std::move(divide(parameters, source, level, special, std::span(&ending, 1), 1).front()[1]);
}

std::vector<PolynomialPair> switch_key(const Parameters& parameters, DigitBatch digits, const SwitchingKey& key,
                                       int level, std::span<const Ending> endings) {
    return divide(parameters, key_products(parameters, digit_source(digits), digits.size(), key, level), level,
                  key.special, endings);
}

PolynomialPair switch_key(const Parameters& parameters, const RnsPolynomial& x, const SwitchingKey& key, int level,
                          const Ending& ending) {
    const RnsPolynomial* const polynomial = &x;
    std::vector<Decomposition> decomposed = decompositions(parameters, std::span(&polynomial, 1), key, level);
    return std::move(divide(parameters, key_products(parameters, digit_source(decomposed), 1, key, level), level,
                            key.special, std::span(&ending, 1))
                         .front());
}

Ciphertext ciphertext_of(CiphertextMetadata metadata, PolynomialPair pair) {
    Ciphertext result{std::move(metadata), {}};
    for (RnsPolynomial& component : pair) result.components.push_back(std::move(component));
    return result;
}

}  // namespace polyformer::ckks
