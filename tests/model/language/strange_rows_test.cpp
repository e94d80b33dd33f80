#include "polyformer/model/language/strange_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace polyformer::model {
namespace {

class StrangeRows : public testing::Test {
  protected:
    std::vector<std::int32_t> row(StrangeKind kind, std::uint64_t seed = 7) const {
        std::mt19937_64 random(seed);
        return strange_row(kind, 32, text_, tokenizer_, random);
    }
    static std::size_t kinds_of(const std::vector<std::int32_t>& row) {
        return std::set(row.begin(), row.end()).size();
    }

    Tokenizer tokenizer_{std::filesystem::path(POLYFORMER_TEST_DATA) / "tokenizer.model"};
    std::vector<std::int32_t> text_ = tokenizer_.encode(
        " The village lies on a river , and its church was built in 1270 , when the abbey of the town was at its "
        "height "
        ". In the following century most of the houses were destroyed by a fire , and they were not built again .");
};

TEST_F(StrangeRows, AreAsTheirNamesSay) {
    ASSERT_GE(text_.size(), 32);
    EXPECT_EQ(kinds_of(row(StrangeKind::one_token)), 1);
    EXPECT_LE(kinds_of(row(StrangeKind::two_tokens)), 2);
    EXPECT_LE(kinds_of(row(StrangeKind::refrain)), 8);
    const std::vector<std::int32_t> neighbours = row(StrangeKind::neighbours);
    const auto [least, greatest] = std::ranges::minmax(neighbours);
    EXPECT_LT(greatest - least, 64);
    std::vector<std::int32_t> backwards = row(StrangeKind::backwards);
    std::ranges::reverse(backwards);
    EXPECT_NE(std::search(text_.begin(), text_.end(), backwards.begin(), backwards.end()), text_.end());
    EXPECT_THAT(tokenizer_.decode(row(StrangeKind::signs)), testing::MatchesRegex("[^a-zA-Z]+"));
}

TEST_F(StrangeRows, HaveTheLengthAndTheVocabularyAndAreTheSameEachTime) {
    for (const StrangeKind kind : strange_kinds) {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            const std::vector<std::int32_t> tokens = row(kind, seed);
            ASSERT_EQ(tokens.size(), 32) << name_of(kind);
            for (const std::int32_t token : tokens) {
                ASSERT_TRUE(token >= 0 && static_cast<std::size_t>(token) < tokenizer_.vocabulary()) << name_of(kind);
            }
            EXPECT_EQ(tokens, row(kind, seed)) << name_of(kind);
        }
    }
}

}  // namespace
}  // namespace polyformer::model
