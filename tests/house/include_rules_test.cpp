#include "tests/house/include_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace polyformer::house {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::filesystem::path kRepository = POLYFORMER_SOURCE_DIR;

const std::string kTable = R"(
| folder | may use | what lives there |
| --- | --- | --- |
| `ground` | – | the `first` floor |
| `walls` | `ground` | |
| `roof/tiles` | `walls` | |

| `not` | `in the table` | |
)";

Rooms architecture() {
    std::ifstream file(kRepository / "docs/architecture.md");
    std::ostringstream text;
    text << file.rdbuf();
    return read_rooms(text.str());
}

TEST(IncludeRules, AFolderMayUseWhatItsRowNamesAndAllBelow) {
    const Rooms rooms = read_rooms(kTable);
    ASSERT_EQ(rooms.size(), 3u);
    EXPECT_THAT(rooms.at("ground"), IsEmpty());
    EXPECT_THAT(rooms.at("roof/tiles"), UnorderedElementsAre("walls", "ground"));
}

TEST(IncludeRules, TheTableItselfCannotGoRound) {
    EXPECT_THROW(read_rooms("| folder | may use |\n| `a` | `b` |\n| `b` | `a` |\n"), std::runtime_error);
    EXPECT_THROW(read_rooms("| folder | may use |\n| `a` | – |\n| `a` | – |\n"), std::runtime_error);
    EXPECT_THROW(read_rooms("no table"), std::runtime_error);
}

TEST(IncludeRules, FindsAPlantedUpwardInclude) {
    const Rooms rooms = read_rooms(kTable);
    EXPECT_THAT(forbidden_includes(rooms, {{"walls/brick.cpp", {"walls/brick.h", "ground/stone.h"}}}), IsEmpty());
    EXPECT_THAT(forbidden_includes(rooms, {{"ground/stone.h", {"walls/brick.h"}}}),
                ElementsAre("ground/stone.h includes walls/brick.h, but ground may not use walls"));
    EXPECT_THAT(forbidden_includes(rooms, {{"cellar/coal.h", {}}}), ElementsAre(HasSubstr("no folder cellar")));
}

TEST(IncludeRules, FindsAPlantedCircle) {
    EXPECT_THAT(circle({{"a.h", {"b.h"}}, {"b.h", {"c.h"}}, {"c.h", {}}}), IsEmpty());
    EXPECT_THAT(circle({{"a.h", {"b.h"}}, {"b.h", {"c.h"}}, {"c.h", {"b.h"}}}), ElementsAre("b.h", "c.h", "b.h"));
}

/// The whole of it on a copy of the sources, as the repository's own test would meet it.
TEST(IncludeRules, FindsAnUpwardIncludePlantedInTheSources) {
    const std::filesystem::path copy = std::filesystem::path(testing::TempDir()) / "planted_include";
    std::filesystem::remove_all(copy);
    std::filesystem::create_directories(copy / "polyformer/support");
    std::filesystem::copy(kRepository / "src/polyformer/support", copy / "polyformer/support");
    EXPECT_THAT(forbidden_includes(architecture(), read_includes(copy)), IsEmpty());
    std::ofstream(copy / "polyformer/support/error.h", std::ios::app)
        << "\n#include \"polyformer/ckks/scheme/keys.h\"\n";
    EXPECT_THAT(forbidden_includes(architecture(), read_includes(copy)),
                ElementsAre("support/error.h includes ckks/scheme/keys.h, but support may not use ckks/scheme"));
    std::filesystem::remove_all(copy);
}

TEST(House, EveryIncludeIsOneThatTheTableAllows) {
    const Includes includes = read_includes(kRepository / "src");
    EXPECT_GT(includes.size(), 250u) << "the sources were not found";
    EXPECT_THAT(forbidden_includes(architecture(), includes), IsEmpty());
}

TEST(House, NoFilesIncludeEachOtherInACircle) {
    EXPECT_THAT(circle(read_includes(kRepository / "src")), IsEmpty());
}

TEST(House, EveryFolderOfTheTableIsThere) {
    for (const auto& [room, used] : architecture()) {
        EXPECT_TRUE(std::filesystem::is_directory(kRepository / "src/polyformer" / room)) << room;
    }
}

}  // namespace
}  // namespace polyformer::house
