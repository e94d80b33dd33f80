#include "polyformer/support/system/process.h"

#include <gtest/gtest.h>

#include <vector>

namespace polyformer {
namespace {

TEST(Process, CountsTheMemoryThatItTouches) {
    constexpr std::size_t kBytes = std::size_t{64} << 20;
    const std::size_t faults_before = minor_page_faults();
    const std::vector<char> touched(kBytes, 1);
    EXPECT_GE(peak_resident_bytes(), touched.size());
    EXPECT_GT(minor_page_faults(), faults_before);
}

TEST(Process, FindsTheProgramsBesideIt) {
    EXPECT_TRUE(std::filesystem::exists(program_beside_this("support_test")));
}

}  // namespace
}  // namespace polyformer
