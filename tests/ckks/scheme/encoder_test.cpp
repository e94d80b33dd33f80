#include "polyformer/ckks/scheme/encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/ckks/ring/automorphism.h"
#include "polyformer/support/error.h"
#include "tests/ckks/scheme/scheme_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const Parameters& parameters() {
    static const Parameters instance = [] {
        ParametersLiteral literal;
        literal.ring_dimension = 1 << 10;
        literal.working_levels = 4;
        literal.special_primes = 2;
        literal.security = Security::insecure;
        return Parameters::create(literal);
    }();
    return instance;
}

const nlohmann::json& golden() {
    static const nlohmann::json data = [] {
        std::ifstream file(std::string(POLYFORMER_TEST_DATA) + "/golden-encodings.json");
        return nlohmann::json::parse(file);
    }();
    return data;
}

/// Coefficients of row `row`, in (−q/2, q/2).
std::vector<std::int64_t> centered_coefficients(const Parameters& set, RnsPolynomial polynomial, std::size_t row,
                                                const NttTables& tables) {
    kernels().inverse_ntt(polynomial.limb(row).data(), tables);
    std::vector<std::int64_t> result;
    for (std::size_t i = 0; i < set.ring_dimension(); ++i) {
        result.push_back(tables.modulus().centered(polynomial.limb(row)[i]));
    }
    return result;
}

TEST(Encoder, AgreesWithTheDefinitionOfTheEmbedding) {
    const Encoder encoder(parameters());
    for (const auto& encoding : golden().at("encodings")) {
        std::vector<Complex> values;
        for (const auto& value : encoding.at("values")) values.emplace_back(value[0], value[1]);
        const auto expected = encoding.at("coefficients").get<std::vector<std::int64_t>>();
        const double scale = std::ldexp(1.0, encoding.at("log2_scale").get<int>());
        // At 2^60 a coefficient has more digits than a double: there the transform's rounding shows.
        const bool exact = scale < 0x1p50;
        const Plaintext plaintext = encoder.encode(values, 2, scale);
        const std::size_t gap = parameters().ring_dimension() / expected.size();
        for (std::size_t row = 0; row < 3; ++row) {
            const NttTables& tables = parameters().q(static_cast<int>(row));
            const auto actual = centered_coefficients(parameters(), plaintext.polynomial, row, tables);
            for (std::size_t i = 0; i < actual.size(); ++i) {
                const std::int64_t wanted = i % gap == 0 ? expected[i / gap] : 0;
                const Modulus& q = tables.modulus();
                const std::int64_t difference =
                    q.centered(q.subtract(q.reduce_signed(actual[i]), q.reduce_signed(wanted)));
                ASSERT_LE(std::abs(difference), exact ? 0 : 1 << 12) << "coefficient " << i << " modulo q_" << row;
            }
        }
        EXPECT_LT(worst_error(encoder.decode(plaintext, values.size()), values),
                  4 * std::sqrt(static_cast<double>(values.size())) / scale + 0x1p-46);
    }
}

TEST(Encoder, RoundTripErrorIsThatOfRounding) {
    for (const int log_dimension : {10, 12}) {
        ParametersLiteral literal = presets::insecure_bootstrapping(std::size_t{1} << log_dimension);
        const Parameters set = Parameters::create(literal);
        const Encoder encoder(set);
        for (std::size_t n = 1; n <= set.slots(); n *= 8) {
            const auto values = random_values(n, static_cast<unsigned>(n));
            for (const double bits : {12.5, 20.0, 40.0, 49.0}) {
                const double scale = std::exp2(bits);
                const auto decoded = encoder.decode(encoder.encode(values, 3, scale), n);
                // Each slot sums 2n coefficients with errors uniform in ±1/2: 7 deviations, and the double's own error.
                const double bound = 7 * std::sqrt(2 * static_cast<double>(n) / 12) / scale + 0x1p-47;
                EXPECT_LT(worst_error(decoded, values), bound) << n << " slots at scale 2^" << bits;
            }
        }
    }
}

TEST(Encoder, HoldsCoefficientsFarBeyondAWord) {
    const Encoder encoder(parameters());
    auto values = random_values(parameters().slots(), 5);
    for (Complex& value : values) value *= 0x1p40;
    const auto decoded = encoder.decode(encoder.encode(values, 4, 0x1p60), values.size());
    EXPECT_LT(worst_error(decoded, values), 0x1p40 * 0x1p-46);
    const auto top = encoder.decode(encoder.encode(values, 4, 0x1p160), values.size());
    EXPECT_LT(worst_error(top, values), 0x1p40 * 0x1p-46);
}

TEST(Encoder, RepeatsSparseMessages) {
    const Encoder encoder(parameters());
    const auto values = random_values(16, 6);
    const auto decoded = encoder.decode(encoder.encode(values, 1, 0x1p40), parameters().slots());
    for (std::size_t i = 0; i < decoded.size(); ++i) EXPECT_LT(std::abs(decoded[i] - values[i % 16]), 0x1p-35);
    const std::vector<double> reals{0.5, -0.25};
    EXPECT_LT(worst_error(encoder.decode(encoder.encode(reals, 0, 0x1p40), 2), std::vector<Complex>{0.5, -0.25}),
              0x1p-37);
}

TEST(Encoder, PeriodicWordsExpandToTheEncodingOfTheRepeatedVector) {
    const Encoder encoder(parameters());
    const std::size_t slots = parameters().slots();
    for (std::size_t period = 1; period <= slots; period *= 2) {
        const auto values = random_values(period, 70 + static_cast<unsigned>(period));
        std::vector<Complex> repeated(slots);
        for (std::size_t i = 0; i < slots; ++i) repeated[i] = values[i % period];
        const SubringPlaintext words = encoder.encode_periodic(values, 3, 0x1p30);
        const Plaintext full = encoder.encode(repeated, 3, 0x1p30);
        EXPECT_EQ(words.polynomial.ring_dimension(), 2 * period);
        EXPECT_EQ(words.run * 2 * period, parameters().ring_dimension());
        for (std::size_t row = 0; row < 4; ++row) {
            for (std::size_t i = 0; i < parameters().ring_dimension(); ++i) {
                ASSERT_EQ(words.polynomial.limb(row)[i / words.run], full.polynomial.limb(row)[i])
                    << "period " << period << ", entry " << i;
            }
        }
    }
}

TEST(Encoder, ExtendedRowsHoldTheSamePolynomial) {
    const Encoder encoder(parameters());
    const auto values = random_values(parameters().slots(), 8);
    const SubringPlaintext plaintext = encoder.encode_periodic_extended(values, 1, 0x1p30, 2);
    ASSERT_EQ(plaintext.polynomial.limbs(), 4);
    const auto expected = centered_coefficients(parameters(), plaintext.polynomial, 0, parameters().q(0));
    EXPECT_EQ(centered_coefficients(parameters(), plaintext.polynomial, 2, parameters().p(0)), expected);
    EXPECT_EQ(centered_coefficients(parameters(), plaintext.polynomial, 3, parameters().p(1)), expected);
}

TEST(Encoder, AutomorphismsRotateAndConjugateSlots) {
    const Encoder encoder(parameters());
    const auto values = random_values(parameters().slots(), 9);
    const Plaintext plaintext = encoder.encode(values, 0, 0x1p40);
    const auto apply = [&](std::uint64_t galois_element) {
        const Permutation permutation = evaluation_permutation(parameters().ring_dimension(), galois_element);
        Plaintext result = plaintext;
        kernels().permute(result.polynomial.limb(0).data(), plaintext.polynomial.limb(0).data(), permutation.data(),
                          parameters().ring_dimension());
        return encoder.decode(result, values.size());
    };
    for (const long step : {1L, 5L, -3L, 200L}) {
        EXPECT_LT(
            worst_error(apply(rotation_galois_element(parameters().ring_dimension(), step)), rotated(values, step)),
            0x1p-34);
    }
    EXPECT_LT(worst_error(apply(conjugation_galois_element(parameters().ring_dimension())),
                          slotwise(values, [&](std::size_t i) { return std::conj(values[i]); })),
              0x1p-34);
}

TEST(Encoder, RefusesWhatCannotBeEncoded) {
    const Encoder encoder(parameters());
    std::vector<double> values(8, 0.5);
    values[3] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THAT([&] { encoder.encode(values, 0, 0x1p40); },
                ThrowsMessage<Error>(AllOf(HasSubstr("nan"), HasSubstr("index 3"))));
    values[3] = std::numeric_limits<double>::infinity();
    EXPECT_THAT([&] { encoder.encode_periodic(values, 0, 0x1p40); }, ThrowsMessage<Error>(HasSubstr("index 3")));
    values[3] = 1e6;
    EXPECT_THAT([&] { encoder.encode(values, 0, 0x1p40); },
                ThrowsMessage<Error>(AllOf(HasSubstr("1000000"), HasSubstr("index 3"), HasSubstr("level 0"))));
    EXPECT_NO_THROW(encoder.encode(values, 1, 0x1p40));
    values[3] = 1e300;
    EXPECT_THAT([&] { encoder.encode(values, 4, 1e300); }, ThrowsMessage<Error>(HasSubstr("overflow")));
    values.resize(7);
    EXPECT_THAT([&] { encoder.encode(values, 0, 0x1p40); }, ThrowsMessage<Error>(HasSubstr("7 values")));
    EXPECT_THAT([&] { encoder.encode(std::vector<double>(1024), 0, 0x1p40); },
                ThrowsMessage<Error>(HasSubstr("1024 values")));
    EXPECT_THAT([&] { encoder.encode(std::vector<double>{}, 0, 0x1p40); }, ThrowsMessage<Error>(HasSubstr("0 values")));
    EXPECT_THAT([&] { encoder.encode(std::vector<double>{1}, 0, 0); }, ThrowsMessage<Error>(HasSubstr("scale 0")));
    EXPECT_THAT([&] { encoder.encode(std::vector<double>{1}, 5, 0x1p40); },
                ThrowsMessage<Error>(HasSubstr("no level 5")));
    Plaintext foreign = encoder.encode(std::vector<double>{1}, 0, 0x1p40);
    foreign.polynomial = RnsPolynomial(64, 1);
    EXPECT_THAT([&] { encoder.decode(foreign, 1); }, ThrowsMessage<Error>(HasSubstr("64")));
}

TEST(ExpandUniform, IsTheDocumentedStream) {
    Seed seed{};
    for (std::size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<std::uint8_t>(i);
    for (const auto& entry : golden().at("uniform")) {
        const auto expected = entry.at("residues").get<std::vector<std::uint64_t>>();
        std::vector<std::uint64_t> actual(expected.size());
        expand_uniform(seed, entry.at("stream").get<std::uint64_t>(), Modulus(entry.at("modulus").get<std::uint64_t>()),
                       actual);
        EXPECT_EQ(actual, expected);
    }
    EXPECT_EQ(uniform_stream(3, true, 2), std::uint64_t{3} << 32 | 1U << 16 | 2);
}

TEST(ExpandUniform, FillsTheRangeEvenly) {
    const Seed seed{1, 2, 3};
    const Modulus q(parameters().q(0).modulus());
    std::vector<std::uint64_t> values(1 << 16);
    expand_uniform(seed, 7, q, values);
    std::vector<double> counts(64);
    for (const std::uint64_t value : values) {
        ASSERT_LT(value, q.value());
        counts[static_cast<std::size_t>(static_cast<double>(value) / static_cast<double>(q.value()) * 64)] += 1;
    }
    double chi_square = 0;
    for (const double count : counts) chi_square += (count - 1024) * (count - 1024) / 1024;
    EXPECT_LT(chi_square, 200);  // 63 degrees of freedom: mean 63, deviation 11
    EXPECT_GT(chi_square, 15);
}

}  // namespace
}  // namespace polyformer::ckks::testing
