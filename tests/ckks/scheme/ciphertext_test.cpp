#include "polyformer/ckks/scheme/ciphertext.h"

#include <gtest/gtest.h>

namespace polyformer::ckks {
namespace {

const Parameters& parameters() {
    static const Parameters kParameters = Parameters::create(presets::insecure_bootstrapping(1024));
    return kParameters;
}

TEST(CiphertextMetadata, FollowsSumsProductsAndRescaling) {
    const double scale = parameters().scale(5);
    const CiphertextMetadata a{.level = 5, .scale = scale, .slots = 8, .key_fingerprint = "ab"};
    const CiphertextMetadata b{.level = 5, .scale = scale, .slots = 512, .key_fingerprint = "ab"};
    EXPECT_EQ(sum_of(a, b).slots, 512U);
    EXPECT_EQ(sum_of(a, b).scale, scale);
    const CiphertextMetadata product = product_of(a, b);
    EXPECT_EQ(product.level, 5);
    EXPECT_EQ(product.scale, scale * scale);
    EXPECT_EQ(product.slots, 512U);
    EXPECT_EQ(product.key_fingerprint, "ab");
    const CiphertextMetadata below = rescaled(parameters(), product, 1);
    EXPECT_EQ(below.level, 4);
    EXPECT_EQ(below.scale, parameters().scale(4));  // to the last bit
    EXPECT_EQ(below.key_fingerprint, "ab");
    EXPECT_EQ(rescaled(parameters(), product, 0).scale, product.scale);
    EXPECT_EQ(a.at(2, 7).level, 2);
    EXPECT_EQ(a.at(2, 7).scale, 7);
    EXPECT_EQ(a.at(2, 7).slots, 8U);
}

TEST(CiphertextMetadata, ScalesAreTheSameWithinRounding) {
    EXPECT_TRUE(same_scale(0x1p40, 0x1p40 * (1 + 0x1p-31)));
    EXPECT_FALSE(same_scale(0x1p40, 0x1p40 * (1 + 0x1p-29)));
    EXPECT_FALSE(same_scale(0x1p40, 0x1p-40));
    EXPECT_FALSE(same_scale(0, 0));
}

TEST(Parameters, RowsAreThoseOfTheChainThenTheSpecialOnes) {
    const Parameters& p = parameters();
    EXPECT_EQ(&p.row(3, 0), &p.q(0));
    EXPECT_EQ(&p.row(3, 3), &p.q(3));
    EXPECT_EQ(&p.row(3, 4), &p.p(0));
    EXPECT_EQ(&p.row(p.max_level(), static_cast<std::size_t>(p.max_level() + p.special_count())),
              &p.p(p.special_count() - 1));
    const std::vector<Modulus> moduli = p.moduli(3, 2, 6);
    ASSERT_EQ(moduli.size(), 4U);
    EXPECT_EQ(moduli[1].value(), p.q(3).modulus().value());
    EXPECT_EQ(moduli[2].value(), p.p(0).modulus().value());
    const Modulus& q = p.q(1).modulus();
    EXPECT_EQ(p.special_product(2, q),
              q.multiply(q.reduce(p.p(0).modulus().value()), q.reduce(p.p(1).modulus().value())));
}

}  // namespace
}  // namespace polyformer::ckks
