// Base conversion against multiprecision arithmetic.
#include "polyformer/ckks/ring/rns.h"

#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>

#include "polyformer/ckks/arithmetic/primes.h"
#include "polyformer/support/error.h"
#include "tests/ckks/arithmetic/random_residues.h"

namespace polyformer::ckks {
namespace {

using boost::multiprecision::cpp_int;

struct Case {
    std::size_t sources;
    int source_bits;
    std::size_t targets;
    int target_bits;
    std::size_t n;
};

class BaseConverterTest : public ::testing::TestWithParam<Case> {
  protected:
    static std::vector<Modulus> take(double target, std::size_t count, const std::vector<Modulus>& other) {
        std::vector<std::uint64_t> skip;
        for (const Modulus& modulus : other) skip.push_back(modulus.value());
        std::vector<Modulus> result;
        for (const std::uint64_t prime : primes_near(target, 16, count, PrimeSearch::descending, skip)) {
            result.emplace_back(prime);
        }
        return result;
    }

    void SetUp() override {
        const Case& c = GetParam();
        from = take(std::ldexp(1, c.source_bits), c.sources, {});
        to = take(std::ldexp(1, c.target_bits), c.targets, from);
        for (const Modulus& modulus : from) product *= modulus.value();
        std::mt19937_64 generator(61);
        for (std::size_t i = 0; i < c.n; ++i) {
            cpp_int x = 0;
            for (std::size_t word = 0; word <= c.sources; ++word) x = (x << 64) + generator();
            numbers.push_back(x % product);
        }
        // Small numbers of either sign, and the neighbourhood of Q/2 as close as the conversion promises to be exact.
        const cpp_int margin = (product >> 44) + 1;
        const std::vector<cpp_int> edges{0, 1, product - 1, product / 2 - margin, product / 2 + margin};
        std::copy(edges.begin(), edges.end(), numbers.begin());
        for (const Modulus& modulus : from) {
            AlignedWords limb;
            for (const cpp_int& x : numbers) limb.push_back(static_cast<std::uint64_t>(x % modulus.value()));
            in.push_back(std::move(limb));
        }
        out.assign(to.size(), AlignedWords(c.n));
        for (const AlignedWords& limb : in) in_pointers.push_back(limb.data());
        for (AlignedWords& limb : out) out_pointers.push_back(limb.data());
    }

    static std::uint64_t residue(const cpp_int& x, const Modulus& modulus) {
        const cpp_int remainder = x % modulus.value();
        return static_cast<std::uint64_t>(remainder < 0 ? remainder + modulus.value() : remainder);
    }

    std::vector<Modulus> from;
    std::vector<Modulus> to;
    cpp_int product = 1;
    std::vector<cpp_int> numbers;
    std::vector<AlignedWords> in;
    std::vector<AlignedWords> out;
    std::vector<const std::uint64_t*> in_pointers;
    std::vector<std::uint64_t*> out_pointers;
};

TEST_P(BaseConverterTest, CenteredConversionIsExact) {
    const BaseConverter converter(from, to);
    for (std::size_t i = 0; i < from.size(); ++i) {
        for (std::uint64_t& word : in[i]) word = from[i].multiply(word, converter.source_factor(i));
    }
    converter.convert_centered(in_pointers, out_pointers, GetParam().n);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const cpp_int x = numbers[i] > product / 2 ? cpp_int(numbers[i] - product) : numbers[i];
        for (std::size_t j = 0; j < to.size(); ++j) ASSERT_EQ(out[j][i], residue(x, to[j])) << i << " limb " << j;
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, BaseConverterTest,
                         ::testing::Values(Case{1, 50, 3, 40, 16}, Case{2, 40, 1, 50, 64}, Case{5, 50, 7, 50, 1024},
                                           Case{12, 45, 4, 36, 512}, Case{24, 50, 2, 50, 8192},
                                           Case{3, 24, 3, 50, 256}));

TEST(BaseConverter, RefusesWrongShapes) {
    const std::vector<Modulus> from{prime_of_bits(40, 16), prime_of_bits(41, 16)};
    const std::vector<Modulus> to{prime_of_bits(42, 16)};
    EXPECT_THROW(BaseConverter({}, to), Error);
    EXPECT_THROW(BaseConverter(std::vector<Modulus>{from[0], from[0]}, to), Error);
    const BaseConverter converter(from, to);
    const std::vector<const std::uint64_t*> in(1);
    const std::vector<std::uint64_t*> out(1);
    EXPECT_THROW(converter.convert_centered(in, out, 16), Error);
}

TEST(RnsBasis, HasTheTablesOfItsPrimes) {
    const auto primes = primes_near(std::ldexp(1, 40), 64, 5);
    const RnsBasis basis(64, primes);
    ASSERT_EQ(basis.size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(basis.modulus(i).value(), primes[i]);
        EXPECT_EQ(basis.tables(i).modulus(), basis.modulus(i));
        EXPECT_EQ(basis.tables(i).ring_dimension(), 64U);
    }
    EXPECT_THROW(RnsBasis(64, std::vector<std::uint64_t>{primes[0], primes[0]}), Error);
}

}  // namespace
}  // namespace polyformer::ckks
