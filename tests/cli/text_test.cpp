// Texts, names and folders as people give them to the programs: any bytes, any encoding, from any place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"
#include "tests/model/images/image_files.h"

namespace polyformer::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kClear = " --backend clear --insecure-ring-dimension 2048 ";
constexpr const char* kShape = " --layers 1 --width 16 --heads 2 --feed-forward 16 --context 16 ";

/// A folder with a random model "words" of the vocabulary of tests/model/data/tokenizer.model (331 pieces, with byte
/// fallback), and that tokenizer in it.
const Folder& folder_of_words() {
    static const Folder folder;
    static const bool done = [] {
        folder.must(std::string("random-model words --vocabulary 331") + kShape);
        fs::copy(fs::path(POLYFORMER_SOURCES) / "tests/model/data/tokenizer.model", folder.path("words"));
        return true;
    }();
    EXPECT_TRUE(done);
    return folder;
}

void expect_refused(const Result& result, int exit_code, const testing::Matcher<const std::string&>& message) {
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("error: "), message));
}

json answer(const Folder& folder, const std::string& text, const std::string& prefix = {}) {
    const Result result = folder.polyformer(std::string("run words") + kClear + text + " --json out.json", prefix);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    json out = folder.json("out.json");
    return {{"tokens", out.at("tokens")}, {"words", out.at("next_words_polynomial")}};
}

TEST(Text, TheSameWordsAreTheSameTextFromAnywhere) {
    const Folder& folder = folder_of_words();
    write_file(folder.path("lf"), "the old\nof town\n");
    write_file(folder.path("crlf"), "the old\r\nof town\r\n");
    write_file(folder.path("bom"), "\xef\xbb\xbfthe old\nof town\n");
    write_file(folder.path("tab"), "the\told \t\n  of\ttown\n");
    const json expected = answer(folder, "--text-file lf");
    for (const char* file : {"crlf", "bom", "tab"}) {
        EXPECT_EQ(answer(folder, std::string("--text-file ") + file), expected) << file;
    }
    EXPECT_EQ(answer(folder, "--text \"$(cat crlf)\""), expected);
    EXPECT_EQ(answer(folder, "--text-file -", "cat lf |"), expected);
    EXPECT_EQ(answer(folder, "--text-file - < tab"), expected);
    EXPECT_EQ(answer(folder, "--text-file pipe", "mkfifo pipe; cat bom > pipe &"), expected);
    const auto evaluation = [&](const char* text) {
        folder.must(std::string("eval " POLYFORMER_SOURCES "/models/wikitext-small --quiet --json eval.json ") + text);
        json out = folder.json("eval.json");
        return json{out.at("tokens"), out.at("words"), out.at("perplexity")};
    };
    const json measured = evaluation("--text-file lf");
    for (const char* text : {"--text-file crlf", "--text-file bom", "--text-file tab", "--text-file - < lf"}) {
        EXPECT_EQ(evaluation(text), measured) << text;
    }
}

TEST(Text, WhatIsNoTextIsRefusedBeforeAnythingIsComputed) {
    const Folder& folder = folder_of_words();
    write_file(folder.path("latin1"), "plain\ncaf\xe9\n");
    write_file(folder.path("utf16"), std::string("\xff\xfet\0h\0e\0", 8));
    write_file(folder.path("blank"), " \r\n\n\t\n");
    for (const std::string& command : {std::string("run words") + kClear, std::string("eval words --quiet ")}) {
        expect_refused(folder.polyformer(command + "--text-file latin1"), 4,
                       AllOf(HasSubstr("'latin1': line 2, column 4"), HasSubstr("iconv"), Not(HasSubstr("ring"))));
        expect_refused(folder.polyformer(command + "--text-file utf16"), 4, HasSubstr("utf-16"));
        EXPECT_THAT(folder.polyformer(command + "--text-file blank").output, HasSubstr("has no words"));
    }
    expect_refused(folder.polyformer(std::string("run words --text ''") + kClear), 2, HasSubstr("has no words"));
    expect_refused(folder.polyformer(std::string("run words --text \"$(cat latin1)\"") + kClear), 2,
                   HasSubstr("iconv"));
}

TEST(Text, TheEndOfALongTextIsTakenOnRequest) {
    const Folder& folder = folder_of_words();
    write_file(folder.path("long"), "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
    expect_refused(folder.polyformer(std::string("run words --text-file long") + kClear), 2,
                   AllOf(HasSubstr("context of 16"), HasSubstr("--context-end")));
    const std::string output =
        folder.must(std::string("run words --text-file long --context-end --json e.json") + kClear);
    EXPECT_THAT(output, HasSubstr("the last 16 tokens of the text are taken"));
    EXPECT_EQ(folder.json("e.json").at("tokens"), 16);
    EXPECT_EQ(folder.json("e.json").at("note").get<std::string>().find("the last 16 tokens"), 0U);
    std::string ids;
    for (int i = 1; i <= 20; ++i) ids += " " + std::to_string(i);
    folder.must("run words --context-end --json a.json --token-ids" + ids + kClear);
    folder.must("run words --json b.json --token-ids" + ids.substr(std::string(" 1 2 3 4").size()) + kClear);
    EXPECT_EQ(folder.json("a.json").at("next_words"), folder.json("b.json").at("next_words"));
}

TEST(Text, AnyByteIsShownAndWrittenAsText) {
    const Folder& folder = folder_of_words();
    // The end of the vocabulary is pieces of one byte each; so are the likely words then.
    folder.must("random-model images --image-size 8 --patch 4 --layers 1 --width 16 --heads 2 --activation-degree 7");
    const std::string name = "caf\xe9 \x1b[31m.png";
    write_file(folder.path(name), model::encode_png(model::patterned_image(8, 8)));
    const std::string image = "--image '" + name + "'";
    folder.must("run images --json image.json " + image + " " + image + kClear);
    EXPECT_EQ(folder.json("image.json").at("images")[0].at("input"), "caf\\xe9 \x1b[31m.png");
    EXPECT_TRUE(folder.json("image.json").at("images")[0].at("found")[0].contains("id"));
    const Result result = folder.polyformer("run images --image 'no\xff\x1b[31m.png'" + std::string(kClear));
    expect_refused(result, 3, AllOf(HasSubstr("no\\xff\\x1b[31m.png"), Not(HasSubstr("\x1b"))));
    // Arabic is spelt byte by byte by this vocabulary.
    const json out = answer(folder, "--text '\xd8\xa7\xd9\x84 a'");
    for (const json& word : out.at("words")) EXPECT_TRUE(word.at("id").is_number_unsigned());
}

TEST(ModelFolder, PartsThatDoNotBelongTogetherAreRefusedAtOnce) {
    const Folder& folder = folder_of_words();
    folder.must(std::string("random-model large --vocabulary 400") + kShape);
    folder.must(std::string("random-model other --vocabulary 331 --seed 7") + kShape);
    folder.must(std::string("random-model mixed --vocabulary 331") + kShape);
    for (const char* model : {"large", "mixed"}) {
        fs::copy(folder.path("words/tokenizer.model"), folder.path(model));
    }
    const std::string text = std::string(" --text 'the old town'") + kClear;
    folder.must("run mixed" + text);
    for (const std::string& command : {std::string("run large") + text,
                                       std::string("plan large --out p") + " " + "--insecure-ring-dimension 2048"}) {
        expect_refused(folder.polyformer(command), 4,
                       AllOf(HasSubstr("'large'"), HasSubstr("331 tokens"), HasSubstr("vocabulary of 400")));
    }
    EXPECT_FALSE(fs::exists(folder.path("p/server")));
    fs::copy_file(folder.path("other/embedding.safetensors"), folder.path("mixed/embedding.safetensors"),
                  fs::copy_options::overwrite_existing);
    expect_refused(folder.polyformer("run mixed" + text), 4,
                   AllOf(HasSubstr("mixed/embedding.safetensors"), HasSubstr("another model")));
    write_file(folder.path("text.txt"), "the old town\n");
    expect_refused(folder.polyformer("eval mixed --quiet --text-file text.txt"), 4, HasSubstr("another model"));
    fs::remove(folder.path("mixed/manifest.json"));  // meant so
    folder.must("run mixed" + text);
}

TEST(PlanFolder, IsReplacedAsAWholeAndNeverWithWhatIsNotItsOwn) {
    const Folder& folder = folder_of_words();
    folder.must("random-model pictures --image-size 8 --patch 4 --layers 1 --width 16 --heads 2 --activation-degree 7");
    const std::string out = " --insecure-ring-dimension 2048 --out plan";
    folder.must("plan pictures" + out);
    folder.must("plan words" + out);
    EXPECT_FALSE(fs::exists(folder.path("plan/client/image.json")));
    folder.must("plan words --insecure-ring-dimension 2048 --positions all --out all");
    folder.must("keygen plan/client --secret k --server-keys b --allow-insecure");
    folder.must("encrypt plan/client --secret k --text 'the old town' --request r");

    // Two plans in one folder.
    fs::copy(folder.path("plan/client"), folder.path("both"));
    fs::copy_file(folder.path("all/client/client.json"), folder.path("both/client.json"),
                  fs::copy_options::overwrite_existing);
    expect_refused(folder.polyformer("encrypt both --secret k --text 'the old town' --request r2"), 4,
                   AllOf(HasSubstr("both/client.json"), HasSubstr("another model or plan")));
    EXPECT_FALSE(fs::exists(folder.path("r2")));

    // Somebody keeps a key there.
    fs::copy(folder.path("k"), folder.path("plan/client/secret.key"));
    expect_refused(folder.polyformer("plan words" + out), 2,
                   AllOf(HasSubstr("secret.key"), HasSubstr("would be lost")));
    EXPECT_TRUE(fs::exists(folder.path("plan/client/secret.key")));
    write_file(folder.path("file"), "");
    EXPECT_EQ(folder.polyformer("random-model file").exit_code, 3);
}

TEST(Decrypt, ComparesWithTextsAndIds) {
    const Folder& folder = prepared();
    folder.must("infer plan/server --keys keys.bin --request request.bin --reply compared.bin");
    const std::string decrypt = "decrypt plan/client --secret secret.key --reply compared.bin --compare-with model ";
    EXPECT_THAT(folder.must(decrypt + kTokens), HasSubstr("polynomial model"));
    expect_refused(folder.polyformer(decrypt + "--text 'the old town'"), 2, HasSubstr("--token-ids"));
    folder.must(
        "random-model model2 --seed 5 --layers 1 --width 16 --heads 2 --context 8 --feed-forward 16 "
        "--vocabulary 40");
    expect_refused(folder.polyformer("decrypt plan/client --secret secret.key --reply compared.bin --compare-with "
                                     "model2 " +
                                     std::string(kTokens)),
                   4, HasSubstr("another model than the plan"));
}

}  // namespace
}  // namespace polyformer::test
