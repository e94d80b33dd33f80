// What the programs may write to: judged before work starts, and nothing is destroyed.
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
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int kBadInput = 2;
constexpr int kIoError = 3;

const std::string kPlan = "plan model --insecure-ring-dimension 2048 ";
const std::string kEncrypt = std::string("encrypt plan/client --secret secret.key ") + kTokens + " --request ";

void expect_refused(const Result& result, int exit_code, const testing::Matcher<const std::string&>& message) {
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    EXPECT_THAT(result.output, message);
}

std::vector<std::string> unfinished_files(const Folder& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder.path(""))) {
        const std::string name = entry.path().filename().string();
        if (name.find(".part") != std::string::npos) names.push_back(name);
    }
    return names;
}

TEST(Outputs, LinksAndPipesStayWhatTheyAre) {
    const Folder& folder = prepared();
    write_file(folder.path("target"), "old");
    fs::create_symlink("target", folder.path("link"));
    folder.must(kPlan + "--json link");
    EXPECT_TRUE(fs::is_symlink(folder.path("link")));
    EXPECT_TRUE(nlohmann::json::accept(read_file(folder.path("target"))));

    const Result piped =
        folder.polyformer(kPlan + "--json pipe > /dev/null & cat pipe > from-pipe; wait $!", "mkfifo pipe;");
    EXPECT_EQ(piped.exit_code, 0) << piped.output;
    EXPECT_TRUE(fs::is_fifo(folder.path("pipe")));
    EXPECT_TRUE(nlohmann::json::accept(read_file(folder.path("from-pipe"))));
}

TEST(Outputs, APipeIsNoRequestAndIsNotWaitedFor) {
    expect_refused(
        prepared().polyformer("infer plan/server --keys keys.bin --request fifo --reply reply", "mkfifo fifo;"),
        kIoError, HasSubstr("no regular file"));
}

TEST(Outputs, ASecretKeyIsNeverOverwritten) {
    const Folder& folder = prepared();
    const std::string key = read_file(folder.path("secret.key"));
    fs::create_hard_link(folder.path("secret.key"), folder.path("hard.key"));
    fs::create_symlink("secret.key", folder.path("soft.key"));
    for (const char* name : {"secret.key", "./secret.key", "plan/../secret.key", "hard.key", "soft.key"}) {
        expect_refused(folder.polyformer(kEncrypt + name), kBadInput,
                       AnyOf(HasSubstr("secret key"), HasSubstr("same file")));
        expect_refused(folder.polyformer(kPlan + "--json " + name), kBadInput, HasSubstr("is a secret key"));
    }
    expect_refused(folder.polyformer("keygen plan/client --secret new.key --server-keys secret.key --force"), kBadInput,
                   HasSubstr("is a secret key"));
    EXPECT_EQ(read_file(folder.path("secret.key")), key);
    EXPECT_FALSE(fs::exists(folder.path("new.key")));
}

TEST(Outputs, OnlyForcedKeyGenerationReplacesASecretKeyAndSaysSo) {
    const Folder& folder = prepared();
    const std::string keygen =
        "keygen plan/client --secret forced.key --server-keys forced.bin --allow-insecure --force";
    EXPECT_THAT(folder.must(keygen), Not(HasSubstr("replaced")));
    EXPECT_THAT(folder.must(keygen), HasSubstr("replaced the secret key 'forced.key'"));
}

TEST(Outputs, AnOutputIsNeitherAnInputNorAnotherOutput) {
    const Folder& folder = prepared();
    const std::string request = read_file(folder.path("request.bin"));
    expect_refused(folder.polyformer("infer plan/server --keys keys.bin --request request.bin --reply ./request.bin"),
                   kBadInput, AllOf(HasSubstr("--request"), HasSubstr("same file")));
    expect_refused(folder.polyformer(kPlan + "--json model/graph.json"), kBadInput, HasSubstr("same file"));
    expect_refused(folder.polyformer(kEncrypt + "one --json ./one"), kBadInput, HasSubstr("same file"));
    expect_refused(folder.polyformer("keygen plan/client --secret both --server-keys ./both --allow-insecure"),
                   kBadInput, HasSubstr("same file"));
    EXPECT_EQ(read_file(folder.path("request.bin")), request);
    EXPECT_FALSE(fs::exists(folder.path("both")));
}

TEST(Outputs, PlacesThatCannotBeWrittenAreNamedBeforeWorkStarts) {
    const Folder& folder = prepared();
    // The keys and the request are not there either: what is written is judged first.
    expect_refused(folder.polyformer("infer plan/server --keys none --request none --reply nowhere/reply"), kIoError,
                   HasSubstr("nowhere/reply"));
    expect_refused(folder.polyformer("run model --token-ids 1000 --json nowhere/run.json"), kIoError,
                   HasSubstr("nowhere/run.json"));
    expect_refused(folder.polyformer(kPlan + "--json model"), kIoError, HasSubstr("is a directory"));
    expect_refused(folder.polyformer(kPlan + "--out request.bin"), kIoError, HasSubstr("is a file"));
    expect_refused(folder.polyformer("random-model request.bin"), kIoError, HasSubstr("is a file"));
    expect_refused(folder.polyformer("plan request.bin"), kIoError, HasSubstr("a folder is needed"));
    expect_refused(folder.polyformer("report nowhere.json"), kIoError, HasSubstr("nowhere.json"));
}

TEST(Outputs, SignalsLeaveNoHalfWrittenFile) {
    const Folder& folder = prepared();
    folder.must("plan model --insecure-ring-dimension 32768 --out large");
    const Result ended = folder.polyformer(
        "keygen large/client --secret large.key --server-keys large.bin --allow-insecure & "
        "while ! ls large.bin.part-*; do sleep 0.01; done; kill -TERM $!; wait $!");
    EXPECT_EQ(ended.exit_code, 128 + 15) << ended.output;
    EXPECT_THAT(unfinished_files(folder), IsEmpty());
    EXPECT_FALSE(fs::exists(folder.path("large.key")));
}

TEST(Outputs, FoldersOfAnotherKindAreNamedWithTheOneToGive) {
    const Folder& folder = prepared();
    const std::string keys = " --secret k --server-keys b --allow-insecure";
    expect_refused(folder.polyformer("keygen plan" + keys), kBadInput, HasSubstr("give 'plan/client'"));
    expect_refused(folder.polyformer("keygen plan/server" + keys), kBadInput, HasSubstr("give 'plan/client'"));
    expect_refused(folder.polyformer("keygen model" + keys), kBadInput, HasSubstr("polyformer plan"));
    expect_refused(folder.polyformer("infer plan --keys b --request r --reply s"), kBadInput,
                   HasSubstr("give 'plan/server'"));
    expect_refused(folder.polyformer("infer plan/client/ --keys b --request r --reply s"), kBadInput,
                   HasSubstr("give 'plan/server'"));
    for (const char* command : {"plan plan", "plan plan/server", "run plan/client --token-ids 1", "eval plan"}) {
        expect_refused(folder.polyformer(command), kBadInput, HasSubstr("made from"));
    }
}

}  // namespace
}  // namespace polyformer::test
