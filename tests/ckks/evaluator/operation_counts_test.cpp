// The counts of operations against what the kernels are asked to do.
#include "polyformer/ckks/evaluator/operation_counts.h"

#include <gtest/gtest.h>

#include "tests/ckks/circuits/circuit_fixture.h"
#include "tests/ckks/evaluator/counting_kernels.h"

namespace polyformer::ckks::testing {
namespace {

constexpr int kSpecial = 3;

const CircuitScheme& scheme() {
    static const CircuitScheme kScheme(small_literal(10, 8, kSpecial));
    return kScheme;
}

KeyRequest all_keys() {
    KeyRequest request;
    request.add_relinearisation(scheme().parameters(), scheme().parameters().max_level());
    request.add_rotation(scheme().parameters(), 1, scheme().parameters().max_level());
    return request;
}

/// A level is one more limb: 9 make three digits, 8 two and two thirds, 2 one that is not full.
class OperationCountsTest : public ::testing::TestWithParam<int> {
  protected:
    void SetUp() override { evaluator(); }  // its keys are not to be counted

    Measured measure(const std::function<void()>& body) const { return count(2 * scheme().slots(), body); }
    Ciphertext ciphertext(unsigned seed) const {
        return scheme().encrypt(random_values(scheme().slots(), seed), GetParam());
    }
    OperationCounter counter() const { return {scheme().parameters(), GetParam()}; }
    double limbs() const { return GetParam() + 1; }

    static const Evaluator& evaluator() {
        static const Evaluator kEvaluator = scheme().evaluator(all_keys());
        return kEvaluator;
    }

    /// `conversions`: limbs that conversions write. The multiple of Q that each takes off is one more product for each.
    void expect(const Measured& measured, const OperationCounts& counts, double conversions) const {
        EXPECT_EQ(measured.transforms, counts.transforms);
        EXPECT_EQ(measured.products, counts.products + 2 * counts.key_limbs);
        EXPECT_EQ(measured.weighted, counts.conversion_products + conversions);
        EXPECT_EQ(measured.constant_products, counts.constant_products);
        EXPECT_EQ(measured.permuted, counts.permuted);
    }
    double converted_by_decomposition() const { return counter().raised_limbs() - limbs(); }
    double converted_by_division() const { return 2 * limbs(); }
};

TEST_P(OperationCountsTest, OfKeySwitching) {
    const Ciphertext a = ciphertext(1);
    const HoistedCiphertext hoisted = evaluator().hoist(a);
    expect(measure([&] { evaluator().hoist(a); }), counter().decomposition(), converted_by_decomposition());
    expect(measure([&] { evaluator().rotate(hoisted, 1); }), counter().hoisted_rotation(), converted_by_division());
    expect(measure([&] { evaluator().rotate(a, 1); }), counter().rotation(),
           converted_by_decomposition() + converted_by_division());
    const OperationCounts summed =
        counter().decomposition() + counter().key_product() + OperationCounts{.permuted = 2 * counter().rows()};
    const auto rotate_for_a_sum = [&] { return std::move(evaluator().rotate_extended(std::span(&a, 1), 1).front()); };
    expect(measure([&] { rotate_for_a_sum(); }), summed, converted_by_decomposition());
    const ExtendedCiphertext rotated = rotate_for_a_sum();
    expect(measure([&] { evaluator().divide_by_special(rotated); }), counter().division(), converted_by_division());
    expect(measure([&] { evaluator().rotate_extended(std::span(&rotated, 1), 1); }), summed + counter().half_division(),
           converted_by_decomposition() + converted_by_division() / 2);
}

TEST_P(OperationCountsTest, OfProducts) {
    const Ciphertext a = ciphertext(1);
    const Ciphertext b = ciphertext(2);
    expect(measure([&] { evaluator().multiply(a, b); }), counter().product(),
           converted_by_decomposition() + converted_by_division());
    const Parameters& parameters = scheme().parameters();
    const Plaintext plaintext =
        evaluator().encoder().encode(random_values(parameters.slots(), 3), GetParam(), parameters.scale(GetParam()));
    expect(measure([&] { evaluator().multiply(a, plaintext); }), counter().plaintext_product(), 0);
    expect(measure([&] { evaluator().add(a, b); }), counter().addition(), 0);
}

TEST_P(OperationCountsTest, OfRescaling) {
    const Ciphertext a = ciphertext(1);
    const Ciphertext b = ciphertext(2);
    expect(measure([&] { evaluator().rescale(a); }), counter().rescaling(), 0);
    const Ciphertext product = evaluator().multiply_lazily(a, b);
    const OperationCounts relinearised = counter().decomposition() + counter().key_product() + counter().division();
    const Measured both = measure([&] { evaluator().relinearise_and_rescale(product, 1); });
    EXPECT_EQ(both.transforms, relinearised.transforms) << "one division takes off P and the top prime";
    EXPECT_EQ(both.products, 2 * relinearised.key_limbs);
}

// What the table of operation_counts.h says, by hand.
TEST(OperationCounts, AreThoseOfTheTable) {
    const OperationCounter at(scheme().parameters(), 7);  // l = 8, k = 3, d = 3
    EXPECT_EQ(at.decomposition().transforms, 33);
    EXPECT_EQ(at.decomposition().conversion_products, 3 * 8 + 3 * 8 + 2 * 9);
    EXPECT_EQ(at.decomposition().constant_products, 8);
    EXPECT_EQ(at.key_product().key_limbs, 33);
    EXPECT_EQ(at.division().transforms, 22);
    EXPECT_EQ(at.division().conversion_products, 48);
    EXPECT_EQ(at.division().constant_products, 6 + 16);
    EXPECT_EQ(at.rotation().transforms, 55);
    EXPECT_EQ(at.rotation().moved, 2 * 33 + 4 * 8);  // a key, a ciphertext in and out
    EXPECT_EQ((2 * at.product()).products, 64);
}

INSTANTIATE_TEST_SUITE_P(Levels, OperationCountsTest, ::testing::Values(8, 7, 1),
                         [](const auto& test) { return "level_" + std::to_string(test.param); });

}  // namespace
}  // namespace polyformer::ckks::testing
