// The elementwise and summing kernels: the reference against 128-bit arithmetic, every back end against the reference.
#include "polyformer/ckks/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/ckks/ring/residue_packing.h"
#include "polyformer/support/error.h"
#include "tests/ckks/arithmetic/random_residues.h"

namespace polyformer::ckks {
namespace {

struct Case {
    const Kernels* kernel;
    int prime_bits;
    std::size_t n;
};

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Kernels* kernel : available_kernels()) {
        // Whole tiles, single vectors, and ends of limbs that fill no vector.
        cases.push_back({kernel, 21, 13});
        cases.push_back({kernel, 33, 64});
        cases.push_back({kernel, 49, 1});
        cases.push_back({kernel, 50, 1000});
        cases.push_back({kernel, 50, 47});
        cases.push_back({kernel, 50, 6});
    }
    return cases;
}

class KernelsTest : public ::testing::TestWithParam<Case> {
  protected:
    AlignedWords random(std::uint64_t seed) const { return random_residues(n, q, seed); }

    std::vector<AlignedWords> random_limbs(std::size_t count, std::size_t length, std::uint64_t seed) const {
        std::vector<AlignedWords> limbs;
        for (std::size_t k = 0; k < count; ++k) limbs.push_back(random_residues(length, q, seed + k));
        return limbs;
    }

    /// Entry by entry, what `expected` says modulo q.
    void expect_entries(const AlignedWords& actual, const std::function<Uint128(std::size_t)>& expected) const {
        for (std::size_t i = 0; i < actual.size(); ++i) {
            ASSERT_EQ(actual[i], static_cast<std::uint64_t>(expected(i) % q.value())) << "entry " << i;
        }
    }

    const Kernels& kernel = *GetParam().kernel;
    std::size_t n = GetParam().n;
    Modulus q = prime_of_bits(GetParam().prime_bits, 16);
    AlignedWords a = random(1);
    AlignedWords b = random(2);
    AlignedWords c = random(3);
    AlignedWords out = AlignedWords(n);
};

std::vector<const std::uint64_t*> pointers(const std::vector<AlignedWords>& limbs) {
    std::vector<const std::uint64_t*> result;
    for (const AlignedWords& limb : limbs) result.push_back(limb.data());
    return result;
}

TEST_P(KernelsTest, Sums) {
    kernel.add(out.data(), a.data(), b.data(), n, q);
    expect_entries(out, [&](std::size_t i) { return Uint128{a[i]} + b[i]; });
    kernel.subtract(out.data(), a.data(), b.data(), n, q);
    expect_entries(out, [&](std::size_t i) { return Uint128{a[i]} + q.value() - b[i]; });
    kernel.negate(out.data(), a.data(), n, q);
    expect_entries(out, [&](std::size_t i) { return Uint128{q.value()} - a[i]; });
    for (const std::uint64_t scalar : {std::uint64_t{0}, q.value() / 3, q.value() - 1}) {
        kernel.add_scalar(out.data(), a.data(), scalar, n, q);
        expect_entries(out, [&](std::size_t i) { return Uint128{a[i]} + scalar; });
    }
}

TEST_P(KernelsTest, Products) {
    kernel.multiply(out.data(), a.data(), b.data(), n, q);
    expect_entries(out, [&](std::size_t i) { return Uint128{a[i]} * b[i]; });
}

TEST_P(KernelsTest, ProductsByScalars) {
    for (const std::uint64_t scalar : {std::uint64_t{0}, std::uint64_t{1}, q.value() / 3, q.value() - 1}) {
        kernel.multiply_scalar(out.data(), a.data(), scalar, n, q);
        expect_entries(out, [&](std::size_t i) { return Uint128{a[i]} * scalar; });
        out = c;
        kernel.multiply_scalar_add(out.data(), a.data(), scalar, n, q);
        expect_entries(out, [&](std::size_t i) { return Uint128{a[i]} * scalar + c[i]; });
        kernel.subtract_multiply_scalar(out.data(), a.data(), b.data(), scalar, n, q);
        expect_entries(out, [&](std::size_t i) { return (Uint128{a[i]} + q.value() - b[i]) * scalar; });
    }
}

TEST_P(KernelsTest, OutputsMayBeInputs) {
    AlignedWords in_place = a;
    kernel.multiply(in_place.data(), in_place.data(), in_place.data(), n, q);
    expect_entries(in_place, [&](std::size_t i) { return Uint128{a[i]} * a[i]; });
    in_place = a;
    kernel.subtract(in_place.data(), b.data(), in_place.data(), n, q);
    expect_entries(in_place, [&](std::size_t i) { return Uint128{b[i]} + q.value() - a[i]; });
    in_place = a;
    kernel.subtract_multiply_scalar(in_place.data(), in_place.data(), b.data(), 7, n, q);
    expect_entries(in_place, [&](std::size_t i) { return (Uint128{a[i]} + q.value() - b[i]) * 7; });
}

TEST_P(KernelsTest, ScaledDifferencesPlusMultiples) {
    for (const std::uint64_t scalar : {std::uint64_t{0}, q.value() / 3, q.value() - 1}) {
        const auto difference = [&](std::size_t i) { return (Uint128{a[i]} + q.value() - b[i]) % q.value() * scalar; };
        kernel.subtract_multiply_add(out.data(), a.data(), b.data(), scalar, nullptr, 1, nullptr, n, q);
        expect_entries(out, difference);
        for (const std::uint64_t weight : {std::uint64_t{1}, q.value() / 5, q.value() - 1}) {
            kernel.subtract_multiply_add(out.data(), a.data(), b.data(), scalar, c.data(), weight, nullptr, n, q);
            expect_entries(out, [&](std::size_t i) { return difference(i) + Uint128{c[i]} * weight; });
            AlignedWords in_place = b;
            kernel.subtract_multiply_add(in_place.data(), a.data(), in_place.data(), scalar, c.data(), weight, nullptr,
                                         n, q);
            EXPECT_EQ(in_place, out);
        }
    }
}

TEST_P(KernelsTest, ScaledDifferencesArePermuted) {
    constexpr std::size_t kDimension = 64;
    const Permutation index = evaluation_permutation(kDimension, rotation_galois_element(kDimension, 3));
    const auto limbs = random_limbs(3, kDimension, 600);
    AlignedWords plain(kDimension);
    AlignedWords permuted(kDimension);
    for (const std::uint64_t* addend : {static_cast<const std::uint64_t*>(nullptr), limbs[2].data()}) {
        for (const std::uint64_t weight : {std::uint64_t{1}, q.value() / 5}) {
            kernel.subtract_multiply_add(plain.data(), limbs[0].data(), limbs[1].data(), 7, addend, weight, nullptr,
                                         kDimension, q);
            kernel.subtract_multiply_add(permuted.data(), limbs[0].data(), limbs[1].data(), 7, addend, weight,
                                         index.data(), kDimension, q);
            for (std::size_t i = 0; i < kDimension; ++i) EXPECT_EQ(permuted[i], plain[index[i]]) << i;
        }
    }
}

TEST_P(KernelsTest, InnerProducts) {
    for (const std::size_t count : {0, 1, 2, 3, 17, 60}) {
        const auto left = random_limbs(count, n, 100);
        const auto right = random_limbs(count, n, 200);
        const auto sum = [&](std::size_t i) {
            Uint128 total = 0;
            for (std::size_t k = 0; k < count; ++k) total += Uint128{left[k][i]} * right[k][i];
            return total;
        };
        out = c;
        kernel.inner_product(out.data(), pointers(left).data(), pointers(right).data(), count, n, q, false);
        expect_entries(out, sum);
        out = c;
        kernel.inner_product(out.data(), pointers(left).data(), pointers(right).data(), count, n, q, true);
        expect_entries(out, [&](std::size_t i) { return sum(i) + c[i]; });
    }
}

TEST_P(KernelsTest, LongInnerProductsOfLargestResiduesDoNotOverflow) {
    constexpr std::size_t kCount = 9000;
    const AlignedWords largest(n, q.value() - 1);
    const std::vector<const std::uint64_t*> sources(kCount, largest.data());
    out = c;
    kernel.inner_product(out.data(), sources.data(), sources.data(), kCount, n, q, true);
    expect_entries(out, [&](std::size_t i) { return Uint128{kCount} + c[i]; });  // (-1)² = 1
}

TEST_P(KernelsTest, WeightedSums) {
    for (const std::size_t run : {std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{8}, std::size_t{32}, n}) {
        if (n % run != 0) continue;
        for (const std::size_t count : {0, 1, 2, 5, 19}) {
            for (const std::size_t outputs : {1, 2, 3, 4, 7}) {
                const auto sources = random_limbs(count, n, 300);
                const auto weights = random_limbs(count * outputs, n / run, 400);
                for (const bool accumulate : {false, true}) {
                    std::vector<AlignedWords> results(outputs, c);
                    std::vector<std::uint64_t*> result_pointers;
                    for (AlignedWords& result : results) result_pointers.push_back(result.data());
                    kernel.weighted_sums(result_pointers.data(), outputs, pointers(sources).data(),
                                         pointers(weights).data(), count, n, run, q, accumulate);
                    for (std::size_t g = 0; g < outputs; ++g) {
                        expect_entries(results[g], [&](std::size_t i) {
                            Uint128 total = accumulate ? c[i] : 0;
                            for (std::size_t k = 0; k < count; ++k) {
                                total += Uint128{weights[g * count + k][i / run]} * sources[k][i];
                            }
                            return total;
                        });
                    }
                }
            }
        }
    }
}

TEST_P(KernelsTest, LongWeightedSumsOfLargeForeignResiduesDoNotOverflow) {
    constexpr std::size_t kCount = 9000;
    const std::uint64_t source = (std::uint64_t{1} << 50) - 1;
    const AlignedWords largest(n, source);
    const std::uint64_t weight = q.value() - 1;
    const std::vector<const std::uint64_t*> sources(kCount, largest.data());
    constexpr std::size_t kOutputs = 5;
    const std::vector<const std::uint64_t*> weights(kCount * kOutputs, &weight);
    std::vector<AlignedWords> results(kOutputs, c);
    std::vector<std::uint64_t*> result_pointers;
    for (AlignedWords& result : results) result_pointers.push_back(result.data());
    kernel.weighted_sums(result_pointers.data(), kOutputs, sources.data(), weights.data(), kCount, n, n, q, true);
    for (const AlignedWords& result : results) {
        expect_entries(result, [&](std::size_t i) { return Uint128{weight} * source * kCount + c[i]; });
    }
}

TEST_P(KernelsTest, SumsOfProductsThatRoundAlikeAreExact) {
    if (GetParam().prime_bits < 50) return;
    // Sets on doubles split products at multiples of 2^51: here every rest is the largest there is, on the same side.
    for (const std::uint64_t rest : {(std::uint64_t{1} << 50) - 1, (std::uint64_t{1} << 50) + 1}) {
        AlignedWords left(n);
        AlignedWords right(n);
        for (std::size_t i = 0; i < n; ++i) {
            std::uint64_t factor = q.value() - 2 * i;
            std::uint64_t other = q.value();
            for (; other >= q.value(); factor -= 2) {
                std::uint64_t inverse = factor;  // modulo a power of two; each step doubles the digits that are right
                for (int step = 0; step < 5; ++step) inverse *= 2 - factor * inverse;
                other = rest * inverse % (std::uint64_t{1} << 51);
                left[i] = factor;
                right[i] = other;
            }
            ASSERT_EQ(left[i] * right[i] % (std::uint64_t{1} << 51), rest);
        }
        left[0] = rest > std::uint64_t{1} << 50 ? q.value() - 1 : left[0];
        right[0] = rest > std::uint64_t{1} << 50 ? q.value() - 1 : right[0];
        for (std::size_t count = 0; count < 40; ++count) {
            const std::vector<const std::uint64_t*> lefts(count, left.data());
            const std::vector<const std::uint64_t*> rights(count, right.data());
            kernel.inner_product(out.data(), lefts.data(), rights.data(), count, n, q, false);
            expect_entries(out, [&](std::size_t i) { return Uint128{left[i]} * right[i] * count; });
            kernel.weighted_sum(out.data(), lefts.data(), rights.data(), count, n, n, q, false);
            expect_entries(out, [&](std::size_t i) { return Uint128{left[i]} * right[0] * count; });
        }
    }
}

TEST_P(KernelsTest, NothingAtAllIsWorkedOn) {
    const Kernels& k = kernel;
    k.add(nullptr, nullptr, nullptr, 0, q);
    k.subtract(nullptr, nullptr, nullptr, 0, q);
    k.negate(nullptr, nullptr, 0, q);
    k.multiply(nullptr, nullptr, nullptr, 0, q);
    k.add_scalar(nullptr, nullptr, 1, 0, q);
    k.multiply_scalar(nullptr, nullptr, 1, 0, q);
    k.multiply_scalar_add(nullptr, nullptr, 1, 0, q);
    k.subtract_multiply_scalar(nullptr, nullptr, nullptr, 1, 0, q);
    k.subtract_multiply_add(nullptr, nullptr, nullptr, 1, nullptr, 1, nullptr, 0, q);
    k.permute(nullptr, nullptr, nullptr, 0);
    k.reduce_centered(nullptr, nullptr, q, q, 0);
    k.unpack(nullptr, nullptr, 0, 50, 0);
    for (const std::size_t count : {std::size_t{0}, std::size_t{9}}) {
        const std::vector<const std::uint64_t*> sources(count, nullptr);
        const std::vector<const std::byte*> packed(count, nullptr);
        const std::vector<double> reciprocals(count, 1);
        std::uint64_t* no_output = nullptr;
        k.inner_product(nullptr, sources.data(), sources.data(), count, 0, q, true);
        k.weighted_sum(no_output, sources.data(), sources.data(), count, 0, 8, q, true);
        k.packed_inner_product(nullptr, sources.data(), packed.data(), 0, 50, count, 0, q, true);
        k.rounded_quotients(nullptr, sources.data(), reciprocals.data(), count, 0);
    }
    const UniformSource source{Aes256(Aes256::Key{}), 0};
    EXPECT_EQ(k.uniform_residues(nullptr, source, 0, 0, q), 0U);
}

TEST_P(KernelsTest, CenteredReduction) {
    for (const int bits : {21, 35, 50}) {
        const Modulus from(primes_near(std::ldexp(0.9, bits), 16, 1)[0]);
        AlignedWords in = random_residues(n, from, 5);
        in[0] = from.value() / 2 + GetParam().n % 2;
        kernel.reduce_centered(out.data(), in.data(), from, q, n);
        expect_entries(out, [&](std::size_t i) {
            const Uint128 multiple = Uint128{q.value()} << 50;  // keeps the sum positive
            return in[i] > from.value() / 2 ? multiple + in[i] - from.value() : Uint128{in[i]};
        });
    }
}

TEST_P(KernelsTest, RoundedQuotients) {
    for (const std::size_t count : {1, 2, 12}) {
        const auto limbs = random_limbs(count, n, 500);
        const std::vector<double> reciprocals(count, 1 / static_cast<double>(q.value()));
        kernel.rounded_quotients(out.data(), pointers(limbs).data(), reciprocals.data(), count, n);
        for (std::size_t i = 0; i < n; ++i) {
            Uint128 sum = 0;
            for (const AlignedWords& limb : limbs) sum += limb[i];
            // Ties aside, the nearest integer; q is odd, so that there are none.
            const auto nearest = static_cast<std::uint64_t>((2 * sum + q.value()) / (2 * q.value()));
            const auto remainder = static_cast<std::uint64_t>(sum % q.value());
            const bool near_tie =
                std::abs(static_cast<double>(remainder) / static_cast<double>(q.value()) - 0.5) < 1e-12;
            if (!near_tie) {
                EXPECT_EQ(out[i], nearest) << i;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, KernelsTest, ::testing::ValuesIn(all_cases()), [](const auto& instance) {
    const Case& c = instance.param;
    return std::string(c.kernel->name) + "_" + std::to_string(c.prime_bits) + "bits_n" + std::to_string(c.n);
});

TEST_P(KernelsTest, Unpacking) {
    for (int bits = 21; bits <= 56; ++bits) {
        const auto width = static_cast<std::size_t>(bits);
        std::vector<std::byte> packed((n * width + 7) / 8);  // nothing behind it may be read
        for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<std::byte>(i * i + 3 * i);
        kernel.unpack(out.data(), packed.data(), packed.size(), bits, n);
        for (std::size_t i = 0; i < n; ++i) {
            std::uint64_t expected = 0;
            for (std::size_t bit = 0; bit < width; ++bit) {
                const std::size_t position = i * width + bit;
                const auto byte = std::to_integer<std::uint64_t>(packed[position / 8]);
                expected |= (byte >> (position % 8) & 1) << bit;
            }
            ASSERT_EQ(out[i], expected) << bits << " bits, entry " << i;
        }
    }
}

TEST_P(KernelsTest, InnerProductsWithPackedResidues) {
    const std::size_t length = n / 8 * 8;
    const auto bytes = length * static_cast<std::size_t>(q.bits()) / 8;
    for (const std::size_t count : {0, 1, 3, 9, 40}) {
        const auto left = random_limbs(count, n, 100);
        const auto right = random_limbs(count, n, 200);
        std::vector<std::vector<std::byte>> packed(count, std::vector<std::byte>(bytes));
        std::vector<const std::byte*> packed_pointers;
        for (std::size_t k = 0; k < count; ++k) {
            pack_residues(std::span(right[k]).first(length), q.bits(), packed[k]);
            packed_pointers.push_back(packed[k].data());
        }
        for (const bool accumulate : {false, true}) {
            AlignedWords expected = c;
            kernel.inner_product(expected.data(), pointers(left).data(), pointers(right).data(), count, length, q,
                                 accumulate);
            out = c;
            kernel.packed_inner_product(out.data(), pointers(left).data(), packed_pointers.data(), bytes, q.bits(),
                                        count, length, q, accumulate);
            EXPECT_EQ(out, expected) << count << accumulate;
        }
    }
}

TEST(Kernels, TheReferenceIsAlwaysThere) {
    EXPECT_EQ(available_kernels().front(), &scalar_kernels());
    EXPECT_STREQ(scalar_kernels().name, "scalar");
}

/// Prints the name of the kernels chosen under POLYFORMER_KERNELS=name, or what went wrong, and ends the process.
void report_choice(const char* name) {
    setenv("POLYFORMER_KERNELS", name, 1);
    try {
        std::fputs(kernels().name, stderr);
        std::exit(0);
    } catch (const Error& error) {
        std::fputs(error.what(), stderr);
        std::exit(1);
    }
}

// Each in a fresh process, as the choice is made once.
TEST(KernelsDeathTest, TheEnvironmentChooses) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    for (const Kernels* kernel : available_kernels()) {
        EXPECT_EXIT(report_choice(kernel->name), ::testing::ExitedWithCode(0), kernel->name);
    }
    EXPECT_EXIT(report_choice("abacus"), ::testing::ExitedWithCode(1), "abacus.*choose one of scalar");
}

}  // namespace
}  // namespace polyformer::ckks
