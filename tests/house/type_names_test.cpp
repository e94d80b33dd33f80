// A type has one definition. Two headers that define the same name in the same namespace are never included together,
// so that no compiler objects; but linkers keep one of the two destructors for both.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace polyformer::house {
namespace {

namespace fs = std::filesystem;

/// "NAMESPACE::NAME: FIRST HEADER, SECOND HEADER" for every type that two headers below `root` define.
std::vector<std::string> types_with_two_homes(const fs::path& root) {
    static const std::regex opening(R"(^(?:inline )?namespace ([\w:]+) \{)");
    static const std::regex type(R"(^(?:struct|class|enum class|using) (\w+)(?: final)?(?: :| \{| =))");
    std::map<std::string, std::string> homes;
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        if (entry.path().extension() != ".h") continue;
        std::ifstream file(entry.path());
        const std::string header = fs::relative(entry.path(), root).generic_string();
        std::string space;
        for (std::string line; std::getline(file, line);) {
            std::smatch match;
            if (std::regex_search(line, match, opening)) space = match[1];
            if (!std::regex_search(line, match, type)) continue;
            const auto [home, fresh] = homes.emplace(space + "::" + match[1].str(), header);
            if (!fresh && home->second != header) found.push_back(home->first + ": " + home->second + ", " + header);
        }
    }
    return found;
}

TEST(TypeNames, AreDefinedInOneHeader) {
    EXPECT_THAT(types_with_two_homes(fs::path(POLYFORMER_SOURCE_DIR) / "src"), testing::IsEmpty());
}

TEST(TypeNames, APlantedTwinIsFound) {
    const fs::path folder = fs::path(testing::TempDir()) / "planted_twins";
    fs::create_directories(folder);
    std::ofstream(folder / "a.h") << "namespace polyformer::model {\nstruct Decoder {\n};\n}\n";
    std::ofstream(folder / "b.h") << "namespace polyformer::model {\nclass Decoder : public Other {\n};\n}\n";
    std::ofstream(folder / "c.h") << "namespace polyformer::ckks {\nclass Decoder {\n};\nclass Other;\n}\n";
    EXPECT_THAT(types_with_two_homes(folder),
                testing::ElementsAre(testing::StartsWith("polyformer::model::Decoder: ")));
    fs::remove_all(folder);
}

}  // namespace
}  // namespace polyformer::house
