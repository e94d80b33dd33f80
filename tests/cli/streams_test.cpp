// Standard output and standard error that are full, closed, or for machines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int kIoError = 3;

const std::string kPlan = "plan model --insecure-ring-dimension 2048 ";
const std::string kInfer = "infer plan/server --keys keys.bin --request request.bin --reply ";

TEST(Streams, ProgressThatCannotBeWrittenEndsNothing) {
    const Folder& folder = prepared();
    for (const char* how : {"2>/dev/full", "2>&- 0<&-"}) {
        fs::remove(folder.path("reply"));
        const Result result = folder.polyformer(kInfer + "reply " + how);
        EXPECT_EQ(result.exit_code, 0) << how << result.output;
        // Not a note or a bar in it: no file took the place of standard error.
        folder.must("decrypt plan/client --secret secret.key --reply reply");
    }
}

TEST(Streams, NoProgressIsDrawnWhenNoneIsWanted) {
    const Folder& folder = prepared();
    for (const std::string& command :
         {kInfer + "quiet.reply", std::string("keygen plan/client --secret q.key --server-keys q.bin --allow-insecure"),
          std::string("run model --insecure-ring-dimension 2048 --token-ids 1")}) {
        const auto shown = [&](const std::string& more) {
            fs::remove(folder.path("q.key"));
            fs::remove(folder.path("q.bin"));
            return folder.must(command + more + " 2>&1 >/dev/null");
        };
        EXPECT_THAT(shown(""), HasSubstr("done in")) << command;
        EXPECT_THAT(shown(" --quiet"), Not(HasSubstr("done in"))) << command;
    }
}

TEST(Streams, ResultsThatCannotBeWrittenAreAnError) {
    const Folder& folder = prepared();
    for (const char* how : {">/dev/full", "--json - >/dev/full", ">&-", "--json - >&-", "--json /dev/stdout >&-"}) {
        const Result result = folder.polyformer(kPlan + how);
        EXPECT_EQ(result.exit_code, kIoError) << how;
        EXPECT_THAT(result.output, StartsWith("error: ")) << how;
    }
    EXPECT_EQ(folder.polyformer("--help >/dev/full").exit_code, kIoError);
    EXPECT_EQ(folder.polyformer("run --help >/dev/full").exit_code, kIoError);
    EXPECT_EQ(folder.polyformer(kInfer + "reply --json - >/dev/full").exit_code, kIoError);
    EXPECT_TRUE(fs::exists(folder.path("reply")));
}

TEST(Streams, AReaderThatGoesAwayIsAnError) {
    const Folder& folder = prepared();
    const Result result =
        folder.polyformer(kPlan + "--json - && echo done > code || echo $? > code) | true", "(sleep 0.1;");
    EXPECT_EQ(read_file(folder.path("code")), "3\n") << result.output;
}

TEST(Streams, ResultsForMachinesStandAlone) {
    const Folder& folder = prepared();
    for (const std::string& command :
         {kPlan + "--json -", kPlan + "--json /dev/stdout", kPlan + "--json /dev/fd/1",
          kPlan + "--out again --depth-budget --json -", kInfer + "reply --profile --json -",
          std::string("decrypt plan/client --secret secret.key --reply reply --json -"),
          std::string("encrypt plan/client --secret secret.key --token-ids 1 --request r2 --json -"),
          std::string("run model --backend clear --insecure-ring-dimension 2048 --token-ids 1 --json -")}) {
        const Result result = folder.polyformer(command + " 2>/dev/null");
        EXPECT_EQ(result.exit_code, 0) << command;
        EXPECT_TRUE(nlohmann::json::accept(result.output)) << command << "\n" << result.output;
    }
    const Result reply = folder.polyformer(kInfer + "/dev/stdout 2>/dev/null > reply2; cat reply2 | head -c 7");
    EXPECT_EQ(reply.output, "PLYFORM");
    folder.must("decrypt plan/client --secret secret.key --reply reply2");
}

}  // namespace
}  // namespace polyformer::test
