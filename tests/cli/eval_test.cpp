// `polyformer eval` with the model that the repository ships.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
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

}  // namespace
}  // namespace polyformer::test
