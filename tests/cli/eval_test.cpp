// `polyformer eval` with the model that the repository ships.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

using testing::HasSubstr;

const std::string shipped_model = POLYFORMER_SOURCES "/models/wikitext-small";

TEST(Eval, AnyTextWillDo) {
    const Folder folder;
    write_file(folder.path("own.txt"), "The village lies on a river .\nIts church was built in 1270 .\n");
    const std::string table = folder.must("eval " + shipped_model + " --text-file own.txt --quiet --json own.json");
    EXPECT_THAT(table, HasSubstr("Perplexity per word of the own.txt (16 words"));
    const nlohmann::json report = folder.json("own.json");
    const double polynomial = report["perplexity"]["polynomial"];
    const double exact = report["perplexity"]["before_substitution"];
    EXPECT_GT(exact, 1);
    EXPECT_LT(std::abs(polynomial / exact - 1), 0.1);
    EXPECT_FALSE(report["perplexity"].contains("bigram"));
    EXPECT_FALSE(report["intervals"].empty());
}

TEST(Eval, TextsThatCannotBeMeasuredAreRefused) {
    const Folder folder;
    write_file(folder.path("empty.txt"), "");
    const Result empty = folder.polyformer("eval " + shipped_model + " --text-file empty.txt");
    EXPECT_EQ(empty.exit_code, 4) << empty.output;
    EXPECT_THAT(empty.output, HasSubstr("has no words"));
    EXPECT_EQ(folder.polyformer("eval " + shipped_model + " --text-file nowhere.txt").exit_code, 3);
    EXPECT_EQ(folder.polyformer("eval " + shipped_model + " --text-file empty.txt --split test").exit_code, 2);
}

TEST(Eval, ShippedLanguageModelsReadTextsAndStrangeRows) {
    const Folder folder;
    write_file(folder.path("own.txt"), "The village lies on a river .\n");
    std::string article;
    for (int i = 0; i < 40; ++i) article += "The village lies on a river , and its church was built in 1270 .\n";
    write_file(folder.path("long.txt"), article);
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(POLYFORMER_SOURCES "/models")) {
        if (!std::filesystem::exists(entry.path() / "embedding.safetensors")) continue;
        ++found;
        const std::string model = entry.path().string();
        folder.must("eval " + model + " --text-file own.txt --quiet --json own.json");
        const nlohmann::json report = folder.json("own.json");
        EXPECT_LT(report["perplexity"]["polynomial"], 2000) << model;
        EXPECT_EQ(report["out_of_interval_fraction"], 0) << model;
        folder.must("plan " + model + " --json plan.json");
        const nlohmann::json plan = folder.json("plan.json");
        EXPECT_EQ(plan.at("security_bits"), 128) << model;
        EXPECT_LT(plan.at("key_bytes_memory").get<double>(), 8e9) << model;
        const std::string table =
            folder.must("eval " + model + " --text-file long.txt --strange-rows 15 --quiet --json strange.json");
        EXPECT_THAT(table, HasSubstr("of 20 strange rows have a value outside an interval")) << model;
        const nlohmann::json strange = folder.json("strange.json");
        EXPECT_EQ(strange.size(), 10) << model;
        EXPECT_EQ(strange[0]["count"], 2) << model;
    }
    EXPECT_GE(found, 1);
}

TEST(Eval, StrangeRowsNeedATextAsLongAsARow) {
    const Folder folder;
    write_file(folder.path("own.txt"), "The village lies on a river .\n");
    const Result refused = folder.polyformer("eval " + shipped_model + " --text-file own.txt --strange-rows 10");
    EXPECT_EQ(refused.exit_code, 4) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr("fewer than a row of the model's context of 64"));
}

}  // namespace
}  // namespace polyformer::test
