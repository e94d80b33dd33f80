// Rotations and conjugation, alone, hoisted and before the division by P.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/support/error.h"
#include "tests/ckks/evaluator/evaluator_fixture.h"

namespace polyformer::ckks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST_P(EvaluatorTest, HoistedRotationsAreTheSame) {
    const auto x = random_values(slots(), 10);
    const Ciphertext a = scheme().encrypt(x, top() - 1);
    const HoistedCiphertext hoisted = evaluator().hoist(a);
    for (const long step : {0L, 1L, -7L}) {
        const Ciphertext plain = evaluator().rotate(a, step);
        const Ciphertext shared = evaluator().rotate(hoisted, step);
        for (std::size_t c = 0; c < 2; ++c) {
            for (std::size_t i = 0; i < plain.components[c].limbs(); ++i) {
                ASSERT_TRUE(std::ranges::equal(plain.components[c].limb(i), shared.components[c].limb(i)));
            }
        }
        const Ciphertext divided = evaluator().divide_by_special(extended_rotation(a, step));
        expect_close(divided, rotated(x, step), GetParam().fresh_bits - 2);
    }
}

TEST_P(EvaluatorTest, ExtendedPlaintextsMultiplyBeforeTheDivision) {
    const auto x = random_values(slots(), 11);
    const auto y = random_values(slots(), 12);
    const Parameters& parameters = scheme().parameters;
    const Ciphertext a = scheme().encrypt(x, top());
    ExtendedCiphertext extended = extended_rotation(a, 4);
    const SubringPlaintext plain =
        evaluator().encoder().encode_periodic_extended(y, top(), parameters.scale(top()), parameters.special_count());
    for (RnsPolynomial& component : extended.components) {
        ASSERT_EQ(component.limbs(), plain.polynomial.limbs());
        for (std::size_t i = 0; i < component.limbs(); ++i) {
            kernels().multiply(component.limb(i).data(), component.limb(i).data(), plain.polynomial.limb(i).data(),
                               parameters.ring_dimension(), parameters.row(top(), i).modulus());
        }
    }
    extended.scale *= plain.scale;
    const auto r = rotated(x, 4);
    expect_close(evaluator().rescale(evaluator().divide_by_special(extended)),
                 slotwise(x, [&](std::size_t i) { return r[i] * y[i]; }), GetParam().product_bits - 2);
}

TEST_P(EvaluatorTest, SumsSlots) {
    const auto x = random_values(slots(), 13);
    const Ciphertext a = scheme().encrypt(x, top());
    for (const long stride : {1L, 4L}) {
        const auto expected = slotwise(x, [&](std::size_t i) {
            Complex sum = 0;
            for (std::size_t k = 0; k < 16; ++k) sum += x[(i + k * static_cast<std::size_t>(stride)) % x.size()];
            return sum;
        });
        expect_close(evaluator().sum_slots(a, 16, stride), expected, GetParam().fresh_bits - 6);
    }
}

TEST_P(EvaluatorTest, BatchesRotateAsEachAlone) {
    const auto residues = [](const RnsPolynomial& polynomial) {
        std::vector<std::uint64_t> all;
        for (std::size_t row = 0; row < polynomial.limbs(); ++row) {
            all.insert(all.end(), polynomial.limb(row).begin(), polynomial.limb(row).end());
        }
        return all;
    };
    std::vector<HoistedCiphertext> hoisted;
    for (unsigned seed = 0; seed < 3; ++seed)
        hoisted.push_back(evaluator().hoist(scheme().encrypt(random_values(slots(), seed), top() - 1)));
    const std::span<const HoistedCiphertext> batch(hoisted);
    for (const long step : {0L, 4L, -7L}) {
        const std::vector<Ciphertext> rotated = evaluator().rotate(batch, step);
        std::vector<Ciphertext> ciphertexts;
        for (const HoistedCiphertext& one : hoisted) ciphertexts.push_back(one.ciphertext);
        const std::vector<ExtendedCiphertext> extended = evaluator().rotate_extended(ciphertexts, step);
        ASSERT_EQ(rotated.size(), 3U);
        ASSERT_EQ(extended.size(), 3U);
        for (std::size_t i = 0; i < hoisted.size(); ++i) {
            const Ciphertext alone = evaluator().rotate(hoisted[i], step);
            const ExtendedCiphertext extended_alone = extended_rotation(ciphertexts[i], step);
            const Ciphertext divided = evaluator().divide_by_special(extended[i]);
            for (std::size_t c = 0; c < 2; ++c) {
                EXPECT_EQ(residues(rotated[i].components[c]), residues(alone.components[c])) << step;
                EXPECT_EQ(residues(extended[i].components[c]), residues(extended_alone.components[c])) << step;
                EXPECT_EQ(residues(divided.components[c]), residues(alone.components[c])) << step;
            }
        }
    }
    EXPECT_TRUE(evaluator().rotate(batch.first(0), 4).empty());
    hoisted.push_back(evaluator().hoist(evaluator().drop_to_level(hoisted[0].ciphertext, top() - 2)));
    EXPECT_THAT([&] { evaluator().rotate(std::span<const HoistedCiphertext>(hoisted), 4); },
                ThrowsMessage<Error>(AllOf(HasSubstr("rotation"), HasSubstr(fmt::format("{}", top() - 2)))));
}

TEST_P(EvaluatorTest, SparseMessagesRotateWithinTheirSlots) {
    const auto x = random_values(64, 14);
    const Ciphertext a = scheme().encrypt(x, top());
    for (const long step : {1L, -7L, 65L, 128L, 36L, -63L}) {  // 36 is 100 modulo 64, for which there is a key
        expect_close(evaluator().rotate(a, step), rotated(x, step), GetParam().fresh_bits - 2);
    }
    const auto y = random_values(slots(), 15);
    const Ciphertext sum = evaluator().add(a, scheme().encrypt(y, top()));
    EXPECT_EQ(sum.slots, slots());
    expect_close(sum, slotwise(y, [&](std::size_t i) { return y[i] + x[i % 64]; }), GetParam().fresh_bits - 1);
}

TEST_P(EvaluatorTest, RotatesAndConjugates) {
    const auto x = random_values(slots(), 4);
    const Ciphertext a = scheme().encrypt(x, top());
    for (const long step : kRotations) {
        const Ciphertext r = evaluator().rotate(a, step);
        EXPECT_EQ(r.scale, a.scale);
        expect_close(r, rotated(x, step), GetParam().fresh_bits - 2);
    }
    expect_close(evaluator().conjugate(a), slotwise(x, [&](std::size_t i) { return std::conj(x[i]); }),
                 GetParam().fresh_bits - 2);
}

}  // namespace
}  // namespace polyformer::ckks::testing
