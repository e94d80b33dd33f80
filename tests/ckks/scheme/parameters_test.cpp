#include "polyformer/ckks/scheme/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <set>

#include "polyformer/ckks/scheme/security.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<ParametersLiteral> all_presets() {
    return {presets::bootstrapping_65536(), presets::leveled_16384(), presets::leveled_32768(),
            presets::insecure_bootstrapping(1 << 10), presets::insecure_bootstrapping(1 << 13)};
}

TEST(Parameters, PresetsHoldDistinctPrimesBelow50Bits) {
    for (const ParametersLiteral& literal : all_presets()) {
        const Parameters parameters = Parameters::create(literal);
        std::set<std::uint64_t> primes;
        double bits = 0;
        for (int i = 0; i <= parameters.max_level(); ++i) primes.insert(parameters.q(i).modulus().value());
        for (int i = 0; i < parameters.special_count(); ++i) primes.insert(parameters.p(i).modulus().value());
        EXPECT_EQ(primes.size(), static_cast<std::size_t>(parameters.max_level() + 1 + parameters.special_count()));
        for (const std::uint64_t prime : primes) {
            EXPECT_LT(prime, std::uint64_t{1} << 50);
            EXPECT_EQ(prime % (2 * parameters.ring_dimension()), 1);
            bits += std::log2(static_cast<double>(prime));
        }
        EXPECT_NEAR(parameters.log2_qp(), bits, 1e-9);
        if (literal.security == Security::classical_128) {
            EXPECT_LE(parameters.log2_qp(), max_log2_qp(parameters.ring_dimension()).value());
            EXPECT_EQ(parameters.security_bits(), 128);
        } else {
            EXPECT_EQ(parameters.security_bits(), 0);
        }
    }
}

TEST(Parameters, WorkingScalesFollowFromEachOtherAndStayNearTheWish) {
    for (const ParametersLiteral& literal : all_presets()) {
        const Parameters parameters = Parameters::create(literal);
        EXPECT_EQ(parameters.scale(parameters.working_level()), std::ldexp(1.0, literal.scale_bits));
        for (int level = parameters.working_level(); level > 0; --level) {
            const double scale = parameters.scale(level);
            EXPECT_EQ(parameters.scale(level - 1),
                      scale * scale / static_cast<double>(parameters.q(level).modulus().value()));
            EXPECT_NEAR(parameters.scale(level - 1) / std::ldexp(1.0, literal.scale_bits), 1, 0x1p-16);
        }
    }
}

TEST(Parameters, EvalModScalesLeadToTheMessageScale) {
    const Parameters parameters = Parameters::create(presets::bootstrapping_65536());
    EXPECT_EQ(parameters.working_level(), 18);
    EXPECT_EQ(parameters.eval_mod_level(), 27);
    EXPECT_EQ(parameters.max_level(), 30);
    EXPECT_EQ(parameters.bootstrapping_input_level(), 2);
    EXPECT_EQ(parameters.digits(30), 4);
    int products = 0;
    for (int level = parameters.max_level(); level > parameters.working_level(); ++products) {
        double scale = parameters.scale(level) * parameters.scale(level);
        const int below = parameters.level_below(level);
        for (; level > below; --level) scale /= static_cast<double>(parameters.q(level).modulus().value());
        EXPECT_EQ(below > parameters.working_level() ? parameters.scale(below) : parameters.eval_mod_output_scale(),
                  scale);
    }
    EXPECT_EQ(products, 3 + 5 + 3);  // CoeffsToSlots, the series, double angles: the guard prime is one of no product
    const double message_ratio = std::exp2(parameters.literal().bootstrapping->log2_message_ratio);
    const double expected = parameters.scale(parameters.working_level()) * message_ratio / (2 * std::numbers::pi);
    EXPECT_NEAR(parameters.eval_mod_output_scale() / expected, 1, 1e-12);
}

TEST(Parameters, SecurityTableIsThatOfEprint2024_463) {
    EXPECT_EQ(max_log2_qp(1 << 13), 214);
    EXPECT_EQ(max_log2_qp(1 << 14), 430);
    EXPECT_EQ(max_log2_qp(1 << 15), 868);
    EXPECT_EQ(max_log2_qp(1 << 16), 1747);
    EXPECT_EQ(max_log2_qp(1 << 17), 3523);
    EXPECT_EQ(max_log2_qp(1 << 9), std::nullopt);
    EXPECT_EQ(max_log2_qp(1 << 18), std::nullopt);
    EXPECT_EQ(max_log2_qp(3 << 12), std::nullopt);
}

TEST(Parameters, RefusesWhatTheSecurityTableDoesNotAllow) {
    ParametersLiteral literal = presets::leveled_16384();
    literal.working_levels = 8;
    EXPECT_THAT([&] { Parameters::create(literal); },
                ThrowsMessage<Error>(AllOf(HasSubstr("469"), HasSubstr("430"), HasSubstr("16384"))));
    literal.security = Security::insecure;
    EXPECT_EQ(Parameters::create(literal).security_bits(), 0);

    literal = presets::bootstrapping_65536();
    literal.working_levels = 19;
    EXPECT_THAT([&] { Parameters::create(literal); }, ThrowsMessage<Error>(HasSubstr("1747")));

    literal = presets::bootstrapping_65536();
    literal.bootstrapping->ephemeral_secret_weight = 31;
    EXPECT_THAT([&] { Parameters::create(literal); }, ThrowsMessage<Error>(HasSubstr("weight 31")));
}

TEST(Parameters, NamesTheRuleThatIsBroken) {
    const std::vector<std::pair<std::function<void(ParametersLiteral&)>, std::string>> breaks{
        {[](auto& l) { l.ring_dimension = 3000; }, "ring_dimension is 3000"},
        {[](auto& l) { l.ring_dimension = 512; }, "ring_dimension is 512"},
        {[](auto& l) { l.ring_dimension = 0; }, "ring_dimension is 0"},
        {[](auto& l) { l.base_prime_bits = 51; }, "base_prime_bits is 51"},
        {[](auto& l) { l.scale_bits = 49; }, "scale_bits is 49"},
        {[](auto& l) { l.base_prime_bits = 41; }, "base_prime_bits is 41 and scale_bits 40"},
        {[](auto& l) { l.working_levels = 0; }, "working_levels is 0"},
        {[](auto& l) { l.working_levels = -5; }, "working_levels is -5"},
        {[](auto& l) { l.working_levels = 60; }, "81 primes"},
        {[](auto& l) { l.special_primes = 0; }, "special_primes is 0"},
        {[](auto& l) { l.special_prime_bits = 60; }, "special_prime_bits is 60"},
        {[](auto& l) { l.special_prime_bits = 40; }, "digit of levels 0 to 7"},
        {[](auto& l) { l.working_levels = l.bootstrapping->slots_to_coefficients_levels; }, "none would be left"},
        {[](auto& l) { l.bootstrapping->cosine_degree = 0; }, "cosine_degree is 0"},
        {[](auto& l) { l.bootstrapping->double_angles = 11; }, "double_angles is 11"},
        {[](auto& l) { l.bootstrapping->interval = 0; }, "interval is 0"},
        {[](auto& l) { l.bootstrapping->ephemeral_secret_weight = 5000; }, "ephemeral_secret_weight is 5000"},
        {[](auto& l) { l.bootstrapping->log2_message_ratio = NAN; }, "log2_message_ratio is nan"},
        {[](auto& l) { l.bootstrapping->log2_message_ratio = 14; }, "log2_message_ratio is 14"},
    };
    for (const auto& [change, message] : breaks) {
        ParametersLiteral literal = presets::insecure_bootstrapping(1 << 12);
        change(literal);
        EXPECT_THAT([&] { Parameters::create(literal); }, ThrowsMessage<Error>(HasSubstr(message))) << message;
    }
    ParametersLiteral crowded = presets::leveled_32768();
    crowded.security = Security::insecure;
    crowded.ring_dimension = 1 << 17;
    crowded.base_prime_bits = 30;
    crowded.scale_bits = 24;
    EXPECT_THAT([&] { Parameters::create(crowded); }, ThrowsMessage<Error>(HasSubstr("primes")));
}

TEST(Parameters, FingerprintTellsSetsApart) {
    const ParametersLiteral base = presets::insecure_bootstrapping(1 << 10);
    std::set<std::string> fingerprints{Parameters::create(base).fingerprint()};
    EXPECT_EQ(Parameters::create(base), Parameters::create(base));
    const std::vector<std::function<void(ParametersLiteral&)>> changes{
        [](auto& l) { l.ring_dimension *= 2; },
        [](auto& l) { l.scale_bits = 39; },
        [](auto& l) { l.working_levels = 17; },
        [](auto& l) { l.special_primes = 7; },
        [](auto& l) { l.base_prime_bits = 49; },
        [](auto& l) { l.bootstrapping->interval = 17; },
        [](auto& l) { l.bootstrapping->log2_message_ratio = 10.8; },
        [](auto& l) { l.bootstrapping.reset(); },
    };
    for (const auto& change : changes) {
        ParametersLiteral literal = base;
        change(literal);
        const Parameters parameters = Parameters::create(literal);
        EXPECT_EQ(parameters.fingerprint().size(), 64);
        EXPECT_TRUE(fingerprints.insert(parameters.fingerprint()).second);
    }
}

TEST(Parameters, RefusesQuestionsOutsideTheChain) {
    const Parameters parameters = Parameters::create(presets::leveled_16384());
    EXPECT_THAT([&] { parameters.scale(8); }, ThrowsMessage<Error>(HasSubstr("no level 8")));
    EXPECT_THAT([&] { parameters.q(-1); }, ThrowsMessage<Error>(HasSubstr("no level -1")));
    EXPECT_THAT([&] { parameters.p(2); }, ThrowsMessage<Error>(HasSubstr("no special prime 2")));
    EXPECT_FALSE(parameters.can_bootstrap());
    EXPECT_THAT([&] { static_cast<void>(parameters.bootstrapping_input_level()); },
                ThrowsMessage<Error>(HasSubstr("no bootstrapping levels")));
}

}  // namespace
}  // namespace polyformer::ckks
