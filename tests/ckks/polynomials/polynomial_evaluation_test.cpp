#include "polyformer/ckks/polynomials/polynomial_evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/ckks/polynomials/chebyshev_plan.h"
#include "polyformer/support/error.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const CircuitScheme& scheme() {
    static const CircuitScheme kScheme(small_literal(11, 8));
    return kScheme;
}

const Evaluator& evaluator() {
    static const Evaluator kEvaluator = [] {
        KeyRequest request;
        request.add_relinearisation(scheme().parameters(), scheme().parameters().working_level());
        return scheme().evaluator(request);
    }();
    return kEvaluator;
}

enum class Parity { none, even, odd };

/// Coefficients that fall like 1/k, as those of a smooth function do at most.
ChebyshevSeries series_of(std::size_t degree, Parity parity) {
    ChebyshevSeries series;
    const auto random = random_reals(degree + 1, static_cast<unsigned>(degree));
    for (std::size_t k = 0; k <= degree; ++k) {
        const bool zero = (parity == Parity::even && k % 2 == 1) || (parity == Parity::odd && k % 2 == 0);
        series.coefficients.push_back(zero ? 0 : (random[k] + 2) / static_cast<double>(k + 1));
    }
    return series;
}

double value_of(const ChebyshevSeries& series, double u) {
    double sum = 0;
    for (std::size_t k = 0; k < series.coefficients.size(); ++k) {
        sum += series.coefficients[k] * std::cos(static_cast<double>(k) * std::acos(u));
    }
    return sum;
}

std::vector<Complex> values_of(const ChebyshevSeries& series, std::span<const double> u) {
    std::vector<Complex> values;
    for (std::size_t i = 0; i < u.size(); ++i) {
        const Complex mask = series.mask.empty() ? 1 : series.mask[i % series.mask.size()];
        values.emplace_back(mask * value_of(series, u[i]));
    }
    return values;
}

struct DegreeCase {
    std::size_t degree;
    Parity parity;
    int depth;
    int products;
};

class ChebyshevTest : public ::testing::TestWithParam<DegreeCase> {};

TEST_P(ChebyshevTest, AgreesWithCosines) {
    const auto [degree, parity, depth, products] = GetParam();
    const Parameters& parameters = scheme().parameters();
    const ChebyshevSeries series = series_of(degree, parity);
    EXPECT_EQ(series.depth(), depth);
    EXPECT_EQ(plan_chebyshev(series.coefficients, depth).products, products);
    if (parity == Parity::none) {
        EXPECT_EQ(chebyshev_products(degree), products);
    }
    const auto u = random_reals(scheme().slots(), 3);
    const int level = depth;  // ends at level 0: not a level is wasted
    const Ciphertext result = evaluate_chebyshev(evaluator(), series, scheme().encrypt(as_complex(u), level));
    EXPECT_EQ(result.level, 0);
    EXPECT_EQ(result.scale, parameters.scale(0));
    // Rescaling alone leaves 2^-29 at this ring dimension; u's own error grows with the derivative.
    EXPECT_GT(scheme().bits(result, values_of(series, u)), degree < 16 ? 21 : 18);
}

INSTANTIATE_TEST_SUITE_P(Degrees, ChebyshevTest,
                         ::testing::Values(DegreeCase{1, Parity::none, 1, 0}, DegreeCase{2, Parity::none, 2, 1},
                                           DegreeCase{2, Parity::even, 2, 1}, DegreeCase{3, Parity::none, 2, 2},
                                           DegreeCase{3, Parity::odd, 2, 2}, DegreeCase{4, Parity::even, 3, 2},
                                           DegreeCase{7, Parity::none, 3, 5}, DegreeCase{7, Parity::odd, 3, 5},
                                           DegreeCase{15, Parity::none, 4, 8}, DegreeCase{15, Parity::odd, 4, 8},
                                           DegreeCase{16, Parity::even, 5, 6}, DegreeCase{31, Parity::none, 5, 13},
                                           DegreeCase{31, Parity::odd, 5, 12}, DegreeCase{59, Parity::none, 6, 16},
                                           DegreeCase{62, Parity::even, 6, 14}, DegreeCase{63, Parity::none, 6, 18},
                                           DegreeCase{63, Parity::odd, 6, 17}),
                         [](const auto& test) {
                             const char* const parity = test.param.parity == Parity::none ? "" : "_with_parity";
                             return "degree_" + std::to_string(test.param.degree) + parity;
                         });

TEST(Chebyshev, MaskOfAnyPeriodCostsNoLevel) {
    const auto u = random_reals(scheme().slots(), 4);
    const auto v = random_reals(scheme().slots(), 5);
    for (const std::size_t period : {std::size_t{1}, std::size_t{2}, std::size_t{16}, scheme().slots()}) {
        for (const std::size_t degree : {1, 4, 13}) {
            ChebyshevSeries series = series_of(degree, Parity::none);
            series.mask = as_complex(random_reals(period, 6));
            series.mask[0] = 0;
            const int level = series.depth() + 1;
            const std::vector<Ciphertext> inputs{scheme().encrypt(as_complex(u), level),
                                                 scheme().encrypt(as_complex(v), level)};
            const auto results = evaluate_chebyshev(evaluator(), series, inputs);
            EXPECT_EQ(results[1].level, 1);
            EXPECT_EQ(results[1].scale, scheme().parameters().scale(1));
            EXPECT_GT(scheme().bits(results[0], values_of(series, u)), 21) << period << " " << degree;
            EXPECT_GT(scheme().bits(results[1], values_of(series, v)), 21) << period << " " << degree;
        }
    }
}

TEST(Chebyshev, AComplexMaskIsTwoMasksInOne) {
    const auto u = random_reals(scheme().slots(), 4);
    for (const std::size_t degree : {1, 13}) {
        ChebyshevSeries series = series_of(degree, Parity::none);
        series.mask = as_complex(random_reals(scheme().slots(), 6));
        for (std::size_t i = 0; i < series.mask.size(); i += 2) series.mask[i] *= Complex(0, 1);
        const Ciphertext result =
            evaluate_chebyshev(evaluator(), series, scheme().encrypt(as_complex(u), series.depth()));
        EXPECT_GT(scheme().bits(result, values_of(series, u)), 21) << degree;
    }
}

TEST(Chebyshev, LandsOnTheScaleAskedFor) {
    const ChebyshevSeries series = series_of(7, Parity::none);
    const auto u = random_reals(scheme().slots(), 4);
    const Ciphertext result = evaluate_chebyshev(evaluator(), series, scheme().encrypt(as_complex(u), 4), 0x1.8p38);
    EXPECT_EQ(result.scale, 0x1.8p38);
    EXPECT_EQ(result.level, 1);
    EXPECT_GT(scheme().bits(result, values_of(series, u)), 20);
}

TEST(Chebyshev, ConstantAndMissingTerms) {
    const auto u = random_reals(scheme().slots(), 4);
    for (const std::vector<double>& coefficients : {std::vector<double>{0.5},
                                                    {0.25, 0, 0},
                                                    {0, 0, 0, 0, 1},
                                                    {0, 0, 0, 0, 0, 0.5, 0, 0},
                                                    {0, 1, 0, 0, 0, 0, 0, 0, 0, 2}}) {
        const ChebyshevSeries series{coefficients, {}};
        const Ciphertext result = evaluate_chebyshev(evaluator(), series, scheme().encrypt(as_complex(u), 5));
        EXPECT_EQ(result.level, 5 - series.depth());
        EXPECT_GT(scheme().bits(result, values_of(series, u)), 22) << coefficients.size();
    }
}

TEST(Chebyshev, ErrorsNameLevelsAndRemedy) {
    const auto u = as_complex(random_reals(scheme().slots(), 4));
    const ChebyshevSeries series = series_of(7, Parity::none);
    EXPECT_THAT(
        [&] { evaluate_chebyshev(evaluator(), series, scheme().encrypt(u, 2)); },
        ThrowsMessage<Error>(AllOf(HasSubstr("level 2 is too low"), HasSubstr("depth 3"), HasSubstr("bootstrap"))));
    Ciphertext stretched = scheme().encrypt(u, 4);
    stretched.scale *= 1.5;
    EXPECT_THAT([&] { evaluate_chebyshev(evaluator(), series, stretched); },
                ThrowsMessage<Error>(HasSubstr("adjust it first")));
    ChebyshevSeries odd_mask = series;
    odd_mask.mask = {1, 2, 3};
    EXPECT_THAT([&] { evaluate_chebyshev(evaluator(), odd_mask, scheme().encrypt(u, 4)); },
                ThrowsMessage<Error>(HasSubstr("mask of 3 values")));
}

}  // namespace
}  // namespace polyformer::ckks::testing
