// The programs end to end, at a small ring without security.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

using testing::HasSubstr;

TEST(Roles, SeparateProcessesInSeparateFoldersGiveTheAnswerOfOneRun) {
    const Folder& folder = prepared();
    std::filesystem::create_directories(folder.path("server"));
    std::filesystem::copy(folder.path("plan/server"), folder.path("server/plan"),
                          std::filesystem::copy_options::recursive);
    for (const char* file : {"keys.bin", "request.bin"}) {
        std::filesystem::copy(folder.path(file), folder.path("server") / file);
    }
    folder.must(
        "infer server/plan --keys server/keys.bin --request server/request.bin --reply server/reply.bin "
        "--json infer.json");
    EXPECT_GT(folder.json("infer.json").at("seconds").get<double>(), 0);
    folder.must("decrypt plan/client --secret secret.key --reply server/reply.bin --json decrypt.json");
    folder.must(std::string("run model --backend clear --insecure-ring-dimension 2048 --json run.json ") + kTokens);
    const auto decrypted = folder.json("decrypt.json").at("next_words");
    const auto expected = folder.json("run.json").at("next_words_polynomial");
    ASSERT_EQ(decrypted.size(), 5);
    for (std::size_t i = 0; i < decrypted.size(); ++i) {
        EXPECT_NEAR(decrypted[i].at("probability").get<double>(), expected[i].at("probability").get<double>(), 0.01);
    }
    EXPECT_FALSE(std::filesystem::exists(folder.path("server/secret.key")));
}

TEST(Roles, ExactLogitsGoOnlyIntoAPrivateFileThatWasAskedFor) {
    const Folder& folder = prepared();
    folder.must("infer plan/server --keys keys.bin --request request.bin --reply private.reply");
    const std::string decrypt = "decrypt plan/client --secret secret.key --reply private.reply";
    const std::string shown =
        folder.must(decrypt + " --request request.bin --logits exact.json --disclose shown.json --json -");
    const auto out = nlohmann::json::parse(shown);
    EXPECT_FALSE(out.contains("logits"));
    for (const auto& word : out.at("next_words")) {
        const double percent = 100 * word.at("probability").get<double>();
        EXPECT_NEAR(percent, std::round(percent), 1e-9);
    }
    const auto permissions = std::filesystem::status(folder.path("exact.json")).permissions();
    EXPECT_EQ(permissions, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const auto exact = folder.json("exact.json");
    const auto disclosed = folder.json("shown.json");
    const double grid = disclosed.at("grid");
    EXPECT_GE(grid, 1024 * exact.at("noise").get<double>());
    ASSERT_EQ(exact.at("logits").at(0).size(), exact.at("rows"));
    const auto& row = exact.at("logits").at(0).back();
    for (std::size_t i = 0; i < row.size(); ++i) {
        const double rounded = disclosed.at("logits").at(0).back().at(i);
        EXPECT_EQ(rounded, grid * std::round(row.at(i).get<double>() / grid));
    }
    for (const char* option :
         {" --logits -", " --logits /dev/stdout", " --logits /dev/stderr", " --logits /dev/null", " --disclose -"})
        EXPECT_EQ(folder.polyformer(decrypt + option).exit_code, 2);

    folder.must(std::string("encrypt plan/client --secret secret.key --request other.bin ") + kTokens);
    const auto refused = folder.polyformer(decrypt + " --request other.bin");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.output, HasSubstr("this is the reply to another request"));
}

TEST(Roles, SecretKeyIsReadableByItsOwnerAlone) {
    const auto permissions = std::filesystem::status(prepared().path("secret.key")).permissions();
    EXPECT_EQ(permissions, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(Run, EncryptedAnswerMatchesTheModelInTheClearAndReportsEverything) {
    const Folder& folder = prepared();
    folder.must(std::string("run model --backend ckks --insecure-ring-dimension 2048 --json out.json ") + kTokens);
    const auto out = folder.json("out.json");
    for (const char* field :
         {"backend", "tokens", "security_bits", "log2_qp", "ring_dimension", "bootstraps", "key_switches", "seconds",
          "peak_rss_bytes", "request_bytes", "reply_bytes", "server_key_bytes", "max_abs_logit_error",
          "argmax_agreement", "out_of_interval_fraction", "next_words"}) {
        EXPECT_TRUE(out.contains(field)) << field;
    }
    for (const char* stage : {"keygen", "encrypt", "infer", "decrypt"}) {
        EXPECT_GE(out.at("seconds").at(stage).get<double>(), 0) << stage;
    }
    EXPECT_EQ(out.at("tokens"), 5);
    EXPECT_EQ(out.at("security_bits"), 0);
    EXPECT_LT(out.at("max_abs_logit_error").get<double>(), 0.02);
    EXPECT_GE(out.at("argmax_agreement").get<double>(), 0.99);
    EXPECT_EQ(out.at("valid"), true);
}

TEST(Run, AnswersFromOutsideTheIntervalsMeanNothingAndSaySo) {
    const Folder& folder = prepared();
    std::string text;
    for (int i = 0; i < 60; ++i) text += ") ";
    const Result result =
        folder.polyformer("run " POLYFORMER_SOURCES
                          "/models/wikitext-small --positions last --backend clear --json nothing.json --text '" +
                          text + "'");
    EXPECT_EQ(result.exit_code, 6);
    EXPECT_THAT(result.output, HasSubstr("lie outside their intervals"));
    EXPECT_THAT(result.output, HasSubstr("this answer means nothing"));
    EXPECT_THAT(result.output, HasSubstr("not a number"));
    EXPECT_THAT(result.output, testing::Not(HasSubstr("nan")));
    const auto out = folder.json("nothing.json");
    EXPECT_EQ(out.at("valid"), false);
    EXPECT_EQ(out.at("argmax_agreement"), 0);
    EXPECT_TRUE(out.at("max_abs_logit_error").is_null());
    EXPECT_GT(out.at("out_of_interval_fraction").get<double>(), 0.1);
    EXPECT_TRUE(out.at("next_words")[0].at("word").is_null());
}

TEST(Run, LastPositionAloneIsTheLastRowOfAll) {
    const Folder& folder = prepared();
    folder.must(
        std::string("run model --backend clear --positions last --insecure-ring-dimension 2048 --json last.json ") +
        kTokens);
    folder.must(
        std::string("run model --backend clear --positions all --insecure-ring-dimension 2048 --json all.json ") +
        kTokens);
    EXPECT_EQ(folder.json("last.json").at("positions"), 1);
    EXPECT_EQ(folder.json("all.json").at("positions"), 5);
    EXPECT_EQ(folder.json("last.json").at("next_words")[0].at("word"),
              folder.json("all.json").at("next_words")[0].at("word"));
}

TEST(Plan, SaysWhatARunWillTake) {
    const Folder& folder = prepared();
    const std::string text = folder.must("plan model --insecure-ring-dimension 2048 --json plan.json");
    EXPECT_THAT(text, HasSubstr("insecure"));
    const auto plan = folder.json("plan.json");
    EXPECT_GT(plan.at("rotation_keys").get<int>(), 0);
    EXPECT_GT(plan.at("key_bytes_file").get<double>(), 0);
    const auto actual = static_cast<double>(std::filesystem::file_size(folder.path("keys.bin")));
    EXPECT_NEAR(actual, folder.json("plan.json").at("key_bytes_file").get<double>(), 0.25 * actual);
}

TEST(Help, EverySubcommandHasAnExample) {
    const Folder folder;
    for (const char* command :
         {"data", "study", "report", "eval", "plan", "random-model", "keygen", "encrypt", "infer", "decrypt", "run",
          "bench", "bench ckks", "bench kernels", "bench operations", "bench bootstrap", "bench layer"}) {
        const std::string help = folder.must(std::string(command) + " --help");
        EXPECT_THAT(help, HasSubstr("Example")) << command;
        EXPECT_THAT(help, HasSubstr(std::string("polyformer ") + command)) << command;
    }
}

TEST(Report, TheDataOfAStudyComeOutOfItsPage) {
    const Folder folder;
    const std::string page = std::string(POLYFORMER_SOURCES) + "/docs/studies/road/report.html";
    EXPECT_THAT(folder.must("report " + page + " --out road"), HasSubstr("HE-friendly"));
    EXPECT_EQ(folder.json("road/study.json").at("format"), "polyformer-study");
    EXPECT_EQ(folder.must("report road/study.json --json again.json"), folder.must("report " + page));
    EXPECT_EQ(folder.json("again.json"), folder.json("road/study.json"));
    EXPECT_EQ(folder.polyformer("report nowhere.html").exit_code, 3);
}

}  // namespace
}  // namespace polyformer::test
