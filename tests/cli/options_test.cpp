// Options and arguments that cannot be: what people are told, with the values that can be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"
#include "tests/support/sanitized.h"

namespace polyformer::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kBadInput = 2;

void expect_refused(const std::string& arguments, const testing::Matcher<const std::string&>& message) {
    const Result result = prepared().polyformer(arguments);
    EXPECT_EQ(result.exit_code, kBadInput) << arguments << "\n" << result.output;
    EXPECT_THAT(result.output, message) << arguments;
}

TEST(Options, NumbersOutOfRangeAreNamedWithTheRange) {
    const std::pair<const char*, const char*> cases[]{
        {"random-model x --layers", "1 to 1000"},
        {"random-model x --context", "1 to 65536"},
        {"random-model x --activation-degree", "1 to 255"},
        {"random-model x --seed", "from 0"},
        {"plan model --threads", "0 to 1024"},
        {"plan model --insecure-ring-dimension", "power of two from 1024 to 131072"},
        {"eval model --stride", "0 to 65536"},
        {"eval model --most-tokens", "0 to"},
        {"bench layer --width", "1 to"},
        {"bench bootstrap --runs", "1 to 1000"},
        {"train config.json --data d --work w --threads", "to 1024"},
        {"study s.json --data d --work w --out o --jobs", "1 to 256"},
        {"infer plan/server --keys k --request r --reply s --threads", "0 to 1024"},
        {"run model --token-ids", "0 to"},
        {"keygen plan/client --secret k --server-keys b --most-key-bytes", "--most-key-bytes"},
    };
    for (const auto& [command, range] : cases) {
        const std::string text = command;
        const std::string option = text.substr(text.rfind(' ') + 1);
        for (const char* value : {"-1", "99999999999999999999999", "1e3", "1.5", "nan", "0x10", "''", "many"}) {
            expect_refused(text + " " + value, AllOf(HasSubstr(option), HasSubstr(range), Not(HasSubstr("std::"))));
        }
    }
}

TEST(Options, SizesThatFitNoMemoryAreRefusedBeforeWork) {
    expect_refused("random-model x --layers 1000 --width 1048576 --heads 1",
                   AllOf(HasSubstr("MiB"), HasSubstr("leaves")));
    expect_refused("random-model x --image-size 4096 --patch 1", HasSubstr("16777216 tokens"));
}

TEST(Options, PlansThatFitNoMemoryAreRefusedBeforeTheyRun) {
    if (kSanitized) GTEST_SKIP() << "sanitizers reserve more memory than any limit here";
    const Result result = prepared().polyformer("run model --token-ids 1", "ulimit -v 2500000;");
    EXPECT_EQ(result.exit_code, kBadInput) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("this plan takes"), HasSubstr("'ulimit -v'"), HasSubstr("MiB")));
}

TEST(Options, OptionsThatDoNotApplyAreRefusedByName) {
    for (const char* option :
         {"--context 8", "--feed-forward 8", "--vocabulary 8", "--norm rms", "--inverse-sqrt-degree 3"}) {
        const std::string text = option;
        expect_refused("random-model x --image-size 8 " + text, HasSubstr(text.substr(0, text.find(' '))));
    }
    for (const char* option : {"--patch", "--classes", "--window"}) {
        expect_refused(std::string("random-model x ") + option + " 4",
                       AllOf(HasSubstr(option), HasSubstr("--image-size")));
    }
}

TEST(Options, CommandsThatThereAreNotLeadToThoseThatThereAre) {
    expect_refused("foo", AllOf(HasSubstr("'polyformer foo' is no command"), HasSubstr("keygen")));
    expect_refused("decript", HasSubstr("did you mean 'decrypt'?"));
    expect_refused("bench lyer", HasSubstr("did you mean 'layer'?"));
    expect_refused("", AllOf(HasSubstr("needs a command"), HasSubstr("decrypt")));
    expect_refused("bench", AllOf(HasSubstr("needs a command"), HasSubstr("layer")));
}

TEST(Options, MisspeltOptionsLeadToTheirNeighbours) {
    expect_refused("plan model --thread 2", HasSubstr("did you mean '--threads'?"));
    expect_refused("plan --mdoel model", HasSubstr("no option '--mdoel'"));
    expect_refused("plan model another", HasSubstr("no use for 'another'"));
    expect_refused("keygen plan/client", AllOf(HasSubstr("--secret (Where to write"), HasSubstr("--server-keys")));
    expect_refused("plan model --json", HasSubstr("--json needs a value"));
    expect_refused("plan", HasSubstr("needs the argument 'model' (The model folder)"));
}

TEST(Options, AnArgumentBehindAnImageIsNoImage) {
    expect_refused("run --image a.png model", HasSubstr("takes no image 'a.png'"));
    expect_refused("run --image a.png --image b.png model", HasSubstr("takes no image 'a.png'"));
}

}  // namespace
}  // namespace polyformer::test
