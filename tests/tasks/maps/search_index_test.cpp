#include "polyformer/tasks/maps/search_index.h"

#include <gtest/gtest.h>

#include "polyformer/model/graph/limits.h"

namespace polyformer::tasks {
namespace {

TEST(SearchIndex, TitlesAreOneShortLine) {
    EXPECT_EQ(title_of({"1", "A title", "text"}), "A title");
    EXPECT_EQ(title_of({"1", "", "first\nsecond\tthird"}), "first second third");
    EXPECT_EQ(title_of({"1", "", ""}), "(untitled)");
    EXPECT_EQ(title_of({"1", std::string(1000, 'x'), ""}).size(), 100U);
    EXPECT_EQ(title_of({"1", "\x1b[31mred", ""}), "\\x1b[31mred");
    std::string wide;
    for (int i = 0; i < 300; ++i) wide += "\U0001F600";
    const std::string cut = title_of({"1", wide, ""});
    EXPECT_LE(cut.size(), model::kMaxNameLength);
    EXPECT_EQ(cut.size() % 4, 0U);
    std::string combining = "e";
    for (int i = 0; i < 1000; ++i) combining += "\u0301";  // takes no column
    EXPECT_LE(title_of({"1", combining, ""}).size(), model::kMaxNameLength);
    EXPECT_LE(title_of({"1", combining.substr(1), ""}).size(), model::kMaxNameLength);
}

}  // namespace
}  // namespace polyformer::tasks
