#include "polyformer/ckks/circuits/linear_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/support/error.h"
#include "tests/ckks/circuits/circuit_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;
using Diagonals = std::map<long, std::vector<Complex>>;

const CircuitScheme& scheme() {
    static const CircuitScheme kScheme(small_literal(11, 5));
    return kScheme;
}

std::size_t cyclic(long index, std::size_t size) {
    const auto n = static_cast<long>(size);
    return static_cast<std::size_t>((index % n + n) % n);
}

/// Σ_d diagonal_d ⊙ rot_d(x), diagonals repeated as often as needed.
template <class Value>
void accumulate(const std::map<long, std::vector<Value>>& diagonals, std::span<const Complex> x,
                std::vector<Complex>& sum) {
    for (const auto& [offset, values] : diagonals) {
        for (std::size_t i = 0; i < x.size(); ++i) {
            sum[i] += values[i % values.size()] * x[cyclic(static_cast<long>(i) + offset, x.size())];
        }
    }
}

std::vector<Complex> expected_of(const Diagonals& diagonals, std::span<const Complex> x) {
    std::vector<Complex> sum(x.size());
    accumulate(diagonals, x, sum);
    return sum;
}

/// Random complex diagonals of this period, scaled so that results stay near 1.
Diagonals random_diagonals(std::span<const long> offsets, std::size_t slots, std::size_t period) {
    Diagonals diagonals;
    unsigned seed = 100;
    for (const long offset : offsets) {
        const auto values = random_values(period, ++seed);
        for (std::size_t i = 0; i < slots; ++i) {
            diagonals[offset].push_back(values[i % period] / static_cast<double>(offsets.size()));
        }
    }
    return diagonals;
}

struct TransformCase {
    const char* name;
    std::size_t slots;
    std::size_t period;
    long stride;
    int baby;
    std::vector<long> offsets;
};

class DiagonalTransformTest : public ::testing::TestWithParam<TransformCase> {};

TEST_P(DiagonalTransformTest, AgreesWithPlainVectors) {
    const auto& [name, slots, period, stride, baby, offsets] = GetParam();
    const Parameters& parameters = scheme().parameters();
    const Diagonals diagonals = random_diagonals(offsets, slots, period);
    const int level = 3;
    const DiagonalTransform transform(Encoder(parameters), parameters, diagonals, stride, baby, level,
                                      parameters.scale(level));
    const Evaluator evaluator = scheme().evaluator(transform.key_request(parameters));
    const std::vector<std::vector<Complex>> x{random_values(slots, 1), random_values(slots, 2)};
    const std::vector<Ciphertext> inputs{scheme().encrypt(x[0], level), scheme().encrypt(x[1], level)};

    const std::vector<Ciphertext> results = transform.apply(evaluator, inputs);
    ASSERT_THAT(results, SizeIs(2));
    for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_EQ(results[k].level, level - 1);
        EXPECT_DOUBLE_EQ(results[k].scale, parameters.scale(level - 1));
        EXPECT_GT(scheme().bits(results[k], expected_of(diagonals, x[k])), 23);
    }
    // Each product takes 2·period residues a prime.
    const auto rows = static_cast<std::size_t>(level + 1 + parameters.special_count());
    EXPECT_EQ(transform.bytes(), offsets.size() * rows * 2 * period * sizeof(std::uint64_t));
}

INSTANTIATE_TEST_SUITE_P(
    Maps, DiagonalTransformTest,
    ::testing::Values(TransformCase{"dense", 1024, 1024, 1, 4, {-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7}},
                      TransformCase{"one", 1024, 1024, 1, 1, {0}},
                      TransformCase{"only_negative", 1024, 1024, 1, 3, {-1, -1023, -512}},
                      TransformCase{"strided_periodic", 1024, 64, 32, 8, {-96, -32, 0, 64, 992}},
                      TransformCase{"short_period", 1024, 2, 2, 4, {-2, 0, 2, 14}},
                      TransformCase{"sparse", 64, 64, 4, 4, {-60, -4, 0, 8, 40}},
                      TransformCase{"giants_alone", 1024, 16, 16, 1, {-48, 16, 32}}),
    [](const auto& test) { return test.param.name; });

TEST(DiagonalTransform, RefusesWhatDoesNotFit) {
    const Parameters& parameters = scheme().parameters();
    const Encoder encoder(parameters);
    const auto make = [&](const Diagonals& diagonals, long stride) {
        DiagonalTransform(encoder, parameters, diagonals, stride, 4, 3, parameters.scale(3));
    };
    const std::vector<Complex> ones(1024, 1);
    EXPECT_THAT([&] { make({{3, ones}}, 2); }, ThrowsMessage<Error>(HasSubstr("diagonal 3 is no multiple")));
    EXPECT_THAT([&] { make({{1024, ones}}, 1); }, ThrowsMessage<Error>(HasSubstr("diagonal 1024 lies outside")));
    EXPECT_THAT([&] { make({{0, ones}, {1, {1, 2}}}, 1); }, ThrowsMessage<Error>(HasSubstr("has 2 values")));
    EXPECT_THAT([&] { make({}, 1); }, ThrowsMessage<Error>(HasSubstr("at least one diagonal")));

    const DiagonalTransform transform(encoder, parameters, {{0, ones}}, 1, 1, 3, parameters.scale(3));
    const Evaluator evaluator = scheme().evaluator(transform.key_request(parameters));
    const Ciphertext wrong_level = scheme().encrypt(ones, 2);
    EXPECT_THAT([&] { transform.apply(evaluator, wrong_level); },
                ThrowsMessage<Error>(AllOf(HasSubstr("level 3"), HasSubstr("level 2"))));
}

/// Every rotation key that a request names, and no other.
std::vector<int> steps_of(const KeyRequest& request) {
    std::vector<int> steps;
    for (const auto& [step, level] : request.rotation_levels) steps.push_back(step);
    return steps;
}

TEST(PeriodicDiagonals, AgreesWithPlainVectors) {
    const Parameters& parameters = scheme().parameters();
    PeriodicDiagonals map{.period = 16, .inputs = 2, .outputs = 3, .stride = 1, .baby = 4, .blocks = {}};
    const std::vector<long> offsets{-15, -9, -4, -1, 0, 1, 6, 13};
    map.blocks.assign(3, std::vector<std::map<long, std::vector<double>>>(2));
    unsigned seed = 0;
    for (const auto& [output, input] : {std::pair{0, 0}, std::pair{0, 1}, std::pair{1, 1}}) {
        for (const long offset : offsets) {
            if (output == 1 && offset < 0) continue;  // an output that needs fewer giant steps
            auto values = random_reals(16, ++seed);
            for (double& value : values) value /= 8;
            map.blocks[output][input][offset] = values;
        }
    }
    const int level = 4;
    const KeyRequest request = map.key_request(parameters, level);
    EXPECT_THAT(steps_of(request), ::testing::ElementsAre(1, 2, 3, 4, 12, 1024 - 16, 1024 - 12, 1024 - 4));
    EXPECT_FALSE(request.relinearisation);
    const Evaluator evaluator = scheme().evaluator(request);

    const std::vector<std::vector<Complex>> x{random_values(1024, 8), random_values(1024, 9)};
    const std::vector<Ciphertext> inputs{scheme().encrypt(x[0], level), scheme().encrypt(x[1], level)};
    const std::vector<Ciphertext> outputs = apply_periodic(evaluator, map, inputs);
    ASSERT_THAT(outputs, SizeIs(3));
    for (std::size_t output = 0; output < 3; ++output) {
        std::vector<Complex> expected(1024);
        for (std::size_t input = 0; input < 2; ++input) accumulate(map.blocks[output][input], x[input], expected);
        EXPECT_EQ(outputs[output].level, level - 1);
        EXPECT_DOUBLE_EQ(outputs[output].scale, parameters.scale(level - 1));
        EXPECT_GT(scheme().bits(outputs[output], expected), 22) << output;
    }
}

TEST(PeriodicDiagonals, FullPeriodAndStride) {
    const Parameters& parameters = scheme().parameters();
    PeriodicDiagonals map{.period = 1024, .inputs = 1, .outputs = 1, .stride = 64, .baby = 3, .blocks = {}};
    map.blocks.assign(1, std::vector<std::map<long, std::vector<double>>>(1));
    for (const long offset : {-960L, -128L, 0L, 64L, 320L}) {
        map.blocks[0][0][offset] = random_reals(1024, static_cast<unsigned>(offset + 1000));
    }
    const Evaluator evaluator = scheme().evaluator(map.key_request(parameters, 2));
    const auto x = random_values(1024, 5);
    const Ciphertext input = scheme().encrypt(x, 2);
    std::vector<Complex> expected(1024);
    accumulate(map.blocks[0][0], x, expected);
    EXPECT_GT(scheme().bits(apply_periodic(evaluator, map, std::span(&input, 1)).front(), expected), 21);
}

TEST(PeriodicDiagonals, RefusesWhatDoesNotFit) {
    PeriodicDiagonals map{.period = 16, .inputs = 1, .outputs = 1, .stride = 1, .baby = 4, .blocks = {{{{0, {1, 2}}}}}};
    const Evaluator evaluator = scheme().evaluator(map.key_request(scheme().parameters(), 2));
    const std::vector<Ciphertext> one{scheme().encrypt(random_values(1024, 1), 2)};
    EXPECT_THAT([&] { apply_periodic(evaluator, map, one); },
                ThrowsMessage<Error>(AllOf(HasSubstr("2 values"), HasSubstr("period is 16"))));
    map.blocks[0][0][0].resize(16);
    const std::vector<Ciphertext> low{scheme().encrypt(random_values(1024, 1), 0)};
    EXPECT_THAT([&] { apply_periodic(evaluator, map, low); }, ThrowsMessage<Error>(HasSubstr("level 0 is too low")));
    map.inputs = 2;
    EXPECT_THAT([&] { apply_periodic(evaluator, map, one); },
                ThrowsMessage<Error>(HasSubstr("2 inputs was applied to 1")));
}

struct InnerProductCase {
    const char* name;
    RotatedInnerProduct product;
};

class RotatedInnerProductTest : public ::testing::TestWithParam<InnerProductCase> {};

std::vector<Complex> inner_product(const RotatedInnerProduct& product, const std::vector<Complex>& x,
                                   const std::vector<Complex>& y) {
    std::vector<Complex> sum(x.size());
    for (long r = product.first; r < product.last; ++r) {
        const auto left = rotated(x, r * product.left_step);
        const auto right = rotated(y, r * product.right_step + product.right_offset);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += left[i] * right[i];
    }
    return sum;
}

TEST_P(RotatedInnerProductTest, AgreesWithPlainVectors) {
    const RotatedInnerProduct& product = GetParam().product;
    const Parameters& parameters = scheme().parameters();
    const int level = 3;
    const Evaluator evaluator = scheme().evaluator(product.key_request(parameters, level));
    const auto x = random_values(1024, 11);
    const auto y = random_values(1024, 12);
    // Of x with y, and of y with x, which a product that is not symmetrical tells apart.
    const std::vector<Ciphertext> left{scheme().encrypt(x, level), scheme().encrypt(y, level)};
    const std::vector<Ciphertext> right{left[1], left[0]};
    const std::vector<Ciphertext> results = apply_rotated_inner_product(evaluator, product, left, right);
    ASSERT_EQ(results.size(), 2U);
    for (const Ciphertext& result : results) {
        EXPECT_EQ(result.level, level - 1);
        EXPECT_DOUBLE_EQ(result.scale, parameters.scale(level - 1));
    }
    EXPECT_GT(scheme().bits(results[0], inner_product(product, x, y)), 20);
    EXPECT_GT(scheme().bits(results[1], inner_product(product, y, x)), 20);
}

INSTANTIATE_TEST_SUITE_P(
    Products, RotatedInnerProductTest,
    ::testing::Values(
        InnerProductCase{"attention_scores",
                         {.first = -7, .last = 8, .left_step = 1, .right_step = 17, .right_offset = -128, .baby = 4}},
        InnerProductCase{"attention_values",
                         {.first = -7, .last = 8, .left_step = 1, .right_step = -16, .right_offset = 48, .baby = 4}},
        InnerProductCase{"one_giant",
                         {.first = 1, .last = 4, .left_step = 5, .right_step = 3, .right_offset = 0, .baby = 8}},
        InnerProductCase{"one_term",
                         {.first = 0, .last = 1, .left_step = 1, .right_step = 1, .right_offset = 0, .baby = 1}},
        InnerProductCase{"giants_alone",
                         {.first = -2, .last = 2, .left_step = 512, .right_step = 2, .right_offset = 1, .baby = 1}}),
    [](const auto& test) { return test.param.name; });

TEST(RotatedInnerProduct, KeyRequestIsExact) {
    const RotatedInnerProduct product{
        .first = -2, .last = 3, .left_step = 1, .right_step = 10, .right_offset = 100, .baby = 2};
    // a = 0, 1 and b = −1, 0, 1: left by 1, right by 10; R_b by 18·b + 100; giants by 2·b.
    const KeyRequest request = product.key_request(scheme().parameters(), 3);
    EXPECT_THAT(steps_of(request), ::testing::ElementsAre(1, 2, 10, 82, 100, 118, 1022));
    EXPECT_TRUE(request.relinearisation);
    EXPECT_EQ(request.relinearisation_level, 3);
}

}  // namespace
}  // namespace polyformer::ckks::testing
