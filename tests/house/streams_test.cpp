// Nothing of ours writes to a standard stream past support/process/standard_streams.h: what else there is throws, or
// keeps silent, when the stream is full or closed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace polyformer::house {
namespace {

namespace fs = std::filesystem;

/// "FILE: WORD" for every forbidden word in the sources below `root`.
std::vector<std::string> other_ways_to_write(const fs::path& root) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".cpp") && !name.ends_with(".h")) continue;
        if (name.starts_with("standard_streams.")) continue;
        std::ifstream file(entry.path());
        std::ostringstream text;
        text << file.rdbuf();
        for (const char* word : {"fmt::print(", "std::cout", "std::cerr", "std::printf", "std::fprintf", "std::puts"}) {
            if (text.str().find(word) != std::string::npos) found.push_back(name + ": " + word);
        }
    }
    return found;
}

TEST(StandardStreams, AreWrittenToInOnePlace) {
    EXPECT_THAT(other_ways_to_write(fs::path(POLYFORMER_SOURCE_DIR) / "src"), testing::IsEmpty());
}

TEST(StandardStreams, APlantedWordIsFound) {
    const fs::path folder = fs::path(testing::TempDir()) / "planted_print";
    fs::create_directories(folder / "below");
    std::ofstream(folder / "below/planted.cpp") << "void f() { fmt::print(stderr, \"\"); }\n";
    EXPECT_THAT(other_ways_to_write(folder), testing::ElementsAre("planted.cpp: fmt::print("));
    fs::remove_all(folder);
}

}  // namespace
}  // namespace polyformer::house
