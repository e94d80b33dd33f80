// The least limit counts, wherever it is set; the kernel's files are made up.
#include "polyformer/support/process/memory_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "polyformer/support/error.h"
#include "tests/support/message_of.h"
#include "tests/support/sanitized.h"
#include "tests/support/temporary_folder.h"

namespace polyformer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

class MemoryLimitTest : public testing::Test {
  protected:
    void SetUp() override {
        write("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\n");
        write("proc/self/statm", "1000 500 100 50 0 400 0\n");
    }
    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((folder_ / name).parent_path());
        std::ofstream(folder_ / name) << text;
    }
    AvailableMemory available() const { return available_memory(folder_ / ""); }

    TemporaryFolder folder_;
};

TEST_F(MemoryLimitTest, TheMachineLimits) {
    EXPECT_EQ(available().bytes, 4096 * kMebibyte);
    EXPECT_THAT(available().set_by, HasSubstr("machine"));
}

TEST_F(MemoryLimitTest, ControlGroupsLimitLessWhatTheyUse) {
    write("proc/self/cgroup", "0::/jobs/one\n");
    write("sys/fs/cgroup/jobs/one/memory.max", "max\n");
    write("sys/fs/cgroup/jobs/memory.max", std::to_string(1000 * kMebibyte));
    write("sys/fs/cgroup/jobs/memory.current", std::to_string(300 * kMebibyte));
    write("sys/fs/cgroup/jobs/memory.stat", "anon 1\ninactive_file " + std::to_string(100 * kMebibyte) + "\n");
    EXPECT_EQ(available().bytes, 800 * kMebibyte);
    EXPECT_THAT(available().set_by, AllOf(HasSubstr("memory.max"), HasSubstr("'/jobs'")));
    write("sys/fs/cgroup/jobs/one/memory.high", std::to_string(50 * kMebibyte));
    write("sys/fs/cgroup/jobs/one/memory.current", std::to_string(60 * kMebibyte));
    EXPECT_EQ(available().bytes, 0u);
    EXPECT_THAT(available().set_by, HasSubstr("memory.high"));
}

TEST_F(MemoryLimitTest, ContainersShowTheirGroupAsTheOutermost) {
    write("proc/self/cgroup", "0::/docker/0123456789\n");
    write("sys/fs/cgroup/memory.max", std::to_string(512 * kMebibyte));
    EXPECT_EQ(available().bytes, 512 * kMebibyte);
}

TEST_F(MemoryLimitTest, TheFirstVersionOfControlGroupsLimitsToo) {
    write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/batch\n0::/\n");
    write("sys/fs/cgroup/memory/batch/memory.limit_in_bytes", std::to_string(700 * kMebibyte));
    write("sys/fs/cgroup/memory/batch/memory.usage_in_bytes", std::to_string(200 * kMebibyte));
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");  // none
    EXPECT_EQ(available().bytes, 500 * kMebibyte);
}

TEST_F(MemoryLimitTest, ALimitOfTheProcessCounts) {
    if (kSanitized) GTEST_SKIP() << "sanitizers reserve more memory than any limit here";
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
    rlimit lower = before;
    lower.rlim_cur = 3000 * kMebibyte;
    ASSERT_EQ(setrlimit(RLIMIT_DATA, &lower), 0);
    const AvailableMemory found = available();
    ASSERT_EQ(setrlimit(RLIMIT_DATA, &before), 0);
    EXPECT_LT(found.bytes, 3000 * kMebibyte);
    EXPECT_GT(found.bytes, 2900 * kMebibyte);
    EXPECT_THAT(found.set_by, HasSubstr("ulimit -d"));
}

TEST_F(MemoryLimitTest, WhatTakesMoreIsRefusedWithBothNumbers) {
    const AvailableMemory limit{10 * kMebibyte, "the test"};
    require_memory(10 * kMebibyte, "this plan", limit);
    EXPECT_THAT(message_of([&] { require_memory(11 * kMebibyte, "this plan", limit); }),
                AllOf(HasSubstr("this plan takes 11 MiB"), HasSubstr("the test leaves 10 MiB")));
    require_memory(std::size_t{1} << 60, "this plan", available_memory(folder_ / "nothing is known"));
}

TEST_F(MemoryLimitTest, AFullDiskIsFoundBeforehand) {
    require_disk_space(1, folder_ / "file");
    EXPECT_THAT(message_of<IoError>([&] { require_disk_space(std::size_t{1} << 62, folder_ / "file"); }),
                AllOf(HasSubstr("4398046511104 MiB"), HasSubstr("has room for")));
}

}  // namespace
}  // namespace polyformer
