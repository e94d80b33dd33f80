// Models of texts that give an embedding, classes, the documents of an index or a text rewritten token by token: from a
// text to what is shown, in one process and by roles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/model/tokenizers/vocabulary_file.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

using model::TextOutput;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kClear = " --backend clear --insecure-ring-dimension 2048 ";
constexpr std::size_t kWidth = 8;
constexpr std::size_t kContext = 8;
constexpr std::size_t kOutputs = 6;
const std::string kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nA\nC\nD\nE\nF\n";  // 10 tokens

std::vector<float> random_numbers(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> numbers(count);
    for (float& number : numbers) number = uniform(random);
    return numbers;
}

/// A map, a cubic polynomial and the mean over tokens; for a rewritten text the map alone.
model::Graph graph_of(TextOutput output) {
    const bool rows = output == TextOutput::tokens;
    const std::size_t outputs = rows ? 10 : kOutputs;
    model::Graph graph{.context = kContext, .width = kWidth, .vocabulary = outputs, .nodes = {}};
    graph.nodes.push_back({"input", model::Input{}, 8});
    graph.nodes.push_back({"map",
                           model::Linear{.input = 0,
                                         .weight = {kWidth, outputs, random_numbers(kWidth * outputs, 1)},
                                         .bias = random_numbers(outputs, 2)},
                           16});
    if (rows) return graph;
    graph.nodes.push_back(
        {"function",
         model::Apply{.input = 1,
                      .polynomial = {.lower = -16, .upper = 16, .coefficients = {0.5, 1, 0.25, 0.125}},
                      .replaces = ""},
         4});
    graph.nodes.push_back({"mean", model::TokenMean{.input = 2}, 4});
    return graph;
}

/// A folder "model" of such a graph, and its plan by roles.
void write_model(const Folder& folder, TextOutput output) {
    const std::filesystem::path to = folder.path("model");
    std::filesystem::create_directories(to);
    model::save_graph(graph_of(output), to);
    model::save_embedding({.tokens = {10, kWidth, random_numbers(10 * kWidth, 3)},
                           .positions = {kContext, kWidth, random_numbers(kContext * kWidth, 4)},
                           .norm = model::EmbeddingNorm{.gamma = std::vector<float>(kWidth, 1),
                                                        .beta = std::vector<float>(kWidth, 0),
                                                        .epsilon = 1e-6F}},
                          to);
    model::TextInput input{.tokenizer = "tokenizer.json",
                           .special_tokens = true,
                           .most_tokens = kContext,
                           .output = output,
                           .normalise = output == TextOutput::embedding,
                           .labels = {}};
    if (output == TextOutput::classes) input.labels = {"one", "two", "three", "four", "five", "six"};
    if (output == TextOutput::documents) input.labels = {"first", "second", "third", "third", "fifth", "sixth"};
    model::save_text_input(input, to);
    write_file(to / "tokenizer.json", model::tokenizer_from_vocabulary(kVocabulary, {}, "vocab.txt"));
    write_manifest(to);
}

/// What `decrypt` writes, with more options, after all roles have done their part for texts, of which the plan takes
/// `places` at a time.
json by_roles(const Folder& folder, const std::vector<std::string>& texts, const std::string& options = {},
              int places = 1) {
    folder.must("plan model --out plan --insecure-ring-dimension 2048 --texts " + std::to_string(places));
    folder.must("keygen plan/client --secret key --server-keys keys --allow-insecure --force");
    std::string given;
    for (const std::string& text : texts) given += " --text '" + text + "'";
    folder.must("encrypt plan/client --secret key --request request --json encrypted.json" + given);
    folder.must("infer plan/server --keys keys --request request --reply reply");
    folder.must("decrypt plan/client --secret key --request request --reply reply --json out.json " + options);
    return folder.json("out.json");
}

json by_roles(const Folder& folder, const std::string& text, const std::string& options = {}) {
    return by_roles(folder, std::vector<std::string>{text}, options);
}

json run(const Folder& folder, const std::string& text) {
    folder.must("run model --json run.json " + text + kClear);
    return folder.json("run.json");
}

double length_of(const json& values) {
    double squares = 0;
    for (const double value : values) squares += value * value;
    return std::sqrt(squares);
}

TEST(TextModels, GiveEmbeddings) {
    const Folder folder;
    write_model(folder, TextOutput::embedding);
    const json out = run(folder, "--text 'ACD' --text 'AC D' --text 'FEF'");
    ASSERT_EQ(out.at("embeddings").size(), 3U);
    const json& first = out.at("embeddings")[0];
    EXPECT_EQ(first.at("values").size(), kOutputs);
    EXPECT_NEAR(length_of(first.at("values")), 1, 1e-9);
    EXPECT_GT(std::abs(first.at("length").get<double>() - 1), 1e-3);
    EXPECT_GT(first.at("cosine_to_polynomial").get<double>(), 1 - 1e-6);
    ASSERT_EQ(out.at("cosines").size(), 3U);
    EXPECT_NEAR(out.at("cosines")[0].at("cosine").get<double>(), 1, 1e-6);
    EXPECT_LT(out.at("cosines")[1].at("cosine").get<double>(), 0.999);
    EXPECT_FALSE(out.contains("next_words"));
    EXPECT_EQ(out.at("tokens"), json({5, 5, 5}));
    EXPECT_THAT(folder.must(std::string("run model --text ACD --text FEF") + kClear),
                AllOf(HasSubstr("embedding of 6 numbers, of length 1"), HasSubstr("cosine of 1 and 2")));

    const json decrypted = by_roles(folder, "ACD");
    const json& values = decrypted.at("embeddings")[0].at("values");
    const double grid = decrypted.at("grid");
    EXPECT_GT(grid, 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_NEAR(values[i].get<double>(), first.at("values")[i].get<double>(), grid);
    }
    const json compared = by_roles(folder, "ACD", "--compare-with model --text ACD");
    EXPECT_GT(compared.at("embeddings")[0].at("cosine_to_polynomial").get<double>(), 0.99);
    EXPECT_TRUE(compared.at("valid"));
}

TEST(TextModels, RoundWhatIsDecrypted) {
    const Folder folder;
    write_model(folder, TextOutput::embedding);
    by_roles(folder, "ACD", "--logits exact.json");
    const json exact = folder.json("exact.json").at("logits")[0][0];
    const json shown = folder.json("out.json");
    const double length = length_of(exact);
    const double grid = std::exp2(std::ceil(std::log2(shown.at("grid").get<double>() / length)));
    EXPECT_GE(shown.at("grid").get<double>(), 1024 * folder.json("exact.json").at("noise").get<double>());
    for (std::size_t i = 0; i < exact.size(); ++i) {
        const double value = shown.at("embeddings")[0].at("values")[i];
        EXPECT_EQ(value / grid, std::round(value / grid));
        EXPECT_NEAR(value, exact[i].get<double>() / length, grid / 2 + 1e-9);
    }
}

TEST(TextModels, GiveClasses) {
    const Folder folder;
    write_model(folder, TextOutput::classes);
    const json out = run(folder, "--text ACD --text FF");
    ASSERT_EQ(out.at("texts").size(), 2U);
    const json& found = out.at("texts")[0].at("found");
    ASSERT_EQ(found.size(), 5U);
    EXPECT_TRUE(found[0].contains("class"));
    const json decrypted = by_roles(folder, "ACD").at("texts")[0].at("classes");
    EXPECT_EQ(decrypted[0].at("class"), found[0].at("class"));
    EXPECT_NEAR(decrypted[0].at("probability").get<double>(), found[0].at("probability").get<double>(), 0.006);
}

TEST(TextModels, GiveTheBestDocuments) {
    const Folder folder;
    write_model(folder, TextOutput::documents);
    const json out = run(folder, "--text ACD");
    const json& documents = out.at("answers")[0].at("documents");
    ASSERT_EQ(documents.size(), kOutputs);
    for (std::size_t i = 1; i < documents.size(); ++i) {
        EXPECT_GE(documents[i - 1].at("score").get<double>(), documents[i].at("score").get<double>());
    }
    EXPECT_EQ(out.at("equal_places").at("polynomial"), kOutputs);
    const json decrypted = by_roles(folder, "ACD").at("answers")[0].at("documents");
    EXPECT_EQ(decrypted[0].at("document"), documents[0].at("document"));
    EXPECT_EQ(decrypted[0].at("index"), documents[0].at("index"));
}

TEST(TextModels, RewriteATextTokenByToken) {
    const Folder folder;
    write_model(folder, TextOutput::tokens);
    const json out = run(folder, "--text 'ACD[MASK]'");
    ASSERT_EQ(out.at("places").size(), 4U);
    EXPECT_EQ(out.at("places")[0].at("text"), "A");
    EXPECT_EQ(out.at("places")[3].at("text"), "[MASK]");
    EXPECT_EQ(out.at("equal_tokens").at("polynomial"), 4);
    std::size_t changed = 0;
    for (const json& place : out.at("places")) {
        EXPECT_EQ(place.at("changed"), place.at("token") != place.at("text"));
        changed += static_cast<std::size_t>(place.at("changed").get<bool>());
    }
    EXPECT_EQ(out.at("changed"), changed);

    const json decrypted = by_roles(folder, "ACD[MASK]");
    EXPECT_EQ(decrypted.at("text"), out.at("text"));
    EXPECT_FALSE(decrypted.contains("changed"));
    const json beside = by_roles(folder, "ACD[MASK]", "--text 'ACD[MASK]'");
    EXPECT_EQ(beside.at("changed"), changed);
    for (std::size_t i = 0; i < 4; ++i) {
        const double percent = 100 * beside.at("places")[i].at("probability").get<double>();
        EXPECT_NEAR(percent, std::round(percent), 1e-9);
        EXPECT_EQ(beside.at("places")[i].at("token"), out.at("places")[i].at("token"));
    }
    const Result other = folder.polyformer("decrypt plan/client --secret key --reply reply --text 'AC'");
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_THAT(other.output, HasSubstr("6 rows"));
}

TEST(TextModels, TakeTextsOfDifferentLengthsTogether) {
    const Folder folder;
    write_model(folder, TextOutput::classes);
    write_file(folder.path("lines"), "ACD\n\nF\nDDEEF\n");
    const json out = run(folder, "--text-lines lines");
    EXPECT_EQ(out.at("tokens"), json({5, 3, 7}));
    EXPECT_EQ(out.at("plan").at("images"), 4);
    EXPECT_LT(out.at("max_abs_logit_error").get<double>(), 1e-3);
    const json decrypted = by_roles(folder, {"ACD", "F", "DDEEF"}, "--compare-with model --text-lines lines", 4);
    EXPECT_EQ(folder.json("encrypted.json").at("tokens"), json({5, 3, 7}));
    EXPECT_LT(decrypted.at("max_abs_logit_error").get<double>(), 1e-2);
    ASSERT_EQ(decrypted.at("texts").size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(decrypted.at("texts")[i].at("classes")[0].at("class"),
                  out.at("texts")[i].at("polynomial")[0].at("class"));
    }

    write_model(folder, TextOutput::tokens);
    const json rewritten = run(folder, "--text A --text 'CD[MASK]'");
    EXPECT_EQ(rewritten.at("texts")[0].at("places").size(), 1U);
    ASSERT_EQ(rewritten.at("texts")[1].at("places").size(), 3U);
    EXPECT_EQ(rewritten.at("texts")[1].at("equal_tokens").at("polynomial"), 3);
    const json beside = by_roles(folder, {"A", "CD[MASK]"}, "--text A --text 'CD[MASK]'", 2);
    EXPECT_EQ(beside.at("rows"), json({3, 5}));
    EXPECT_EQ(beside.at("texts")[1].at("text"), rewritten.at("texts")[1].at("text"));
    EXPECT_THAT(folder.polyformer("decrypt plan/client --secret key --reply reply --text A").output,
                HasSubstr("the answer is to 2 texts"));
    write_file(folder.path("blank"), " \n\n");
    EXPECT_THAT(folder.polyformer("run model --text-lines blank" + std::string(kClear)).output,
                HasSubstr("no line with words"));
}

TEST(TextModels, CutLongTextsAndSaySo) {
    const Folder folder;
    write_model(folder, TextOutput::embedding);
    const json out = run(folder, "--text ACDEFACDEF");
    EXPECT_EQ(out.at("tokens"), 8);
    EXPECT_EQ(out.at("note"), "the first 6 tokens of the text are taken, the last 4 left out");
    const Result end = folder.polyformer("run model --context-end --text ACDEFACDEF" + std::string(kClear));
    EXPECT_EQ(end.exit_code, 2);
    EXPECT_THAT(end.output, HasSubstr("--context-end"));
    write_file(folder.path("blank"), "\n \n");
    EXPECT_THAT(folder.polyformer("run model --text-file blank" + std::string(kClear)).output,
                HasSubstr("'blank' has no words"));
}

TEST(TextModels, HaveNoPerplexity) {
    const Folder folder;
    write_model(folder, TextOutput::embedding);
    write_file(folder.path("text"), "A\n");
    const Result result = folder.polyformer("eval model --text-file text");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, AllOf(HasSubstr("gives embedding"), HasSubstr("--task")));
}

TEST(TextModels, BecomeClassifiers) {
    const Folder folder;
    write_model(folder, TextOutput::embedding);
    write_file(folder.path("texts.csv"), "text,label\nAAC,x\nAAA,x\nACA,x\nFFE,y\nFFF,y\nFEF,y\n");
    folder.must("fit-head model --data texts.csv --out classifier --quiet --json fit.json");
    EXPECT_EQ(folder.json("fit.json").at("classes"), 2);
    EXPECT_EQ(folder.json("fit.json").at("accuracy"), 1);
    folder.must("eval classifier --task texts.csv --quiet --json eval.json");
    const json measures = folder.json("eval.json").at("measures");
    EXPECT_EQ(measures.at(0).at("polynomial"), 100);
    EXPECT_EQ(measures.at(0).at("before_substitution"), 100);
    folder.must("run classifier --text FFE --json run.json" + std::string(kClear));

    write_file(folder.path("one.csv"), "text,label\nA,x\nC,x\n");
    EXPECT_THAT(folder.polyformer("fit-head model --data one.csv --out other").output, HasSubstr("at least two"));
    EXPECT_THAT(folder.polyformer("fit-head classifier --data texts.csv --out other").output, HasSubstr("an encoder"));
    EXPECT_THAT(folder.polyformer("eval model --task texts.csv").output, HasSubstr("fit-head"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("other")));
}

TEST(TextModels, BecomeIndexes) {
    const Folder folder;
    write_model(folder, TextOutput::embedding);
    write_file(folder.path("documents.jsonl"),
               "{\"_id\": \"a\", \"title\": \"AC\", \"text\": \"A\"}\n{\"_id\": \"b\", \"text\": \"FFF\"}\n"
               "{\"_id\": \"c\", \"text\": \"DED\"}\n");
    folder.must("index model --documents documents.jsonl --out index --quiet");
    folder.must("run index --text FFF --json run.json" + std::string(kClear));
    const std::string run = folder.json("run.json").dump();
    EXPECT_LT(run.find("FFF"), run.find("DED"));  // the document itself is found first
    EXPECT_THAT(folder.polyformer("index index --documents documents.jsonl --out other").output,
                HasSubstr("gives documents"));
    EXPECT_FALSE(std::filesystem::exists(folder.path("other")));
}

TEST(TextModels, RefuseForeignAndLostParts) {
    const Folder folder;
    write_model(folder, TextOutput::classes);
    std::filesystem::copy(folder.path("model"), folder.path("lost"));
    std::filesystem::remove(folder.path("lost/tokenizer.json"));
    const Result lost = folder.polyformer("run lost --text A" + std::string(kClear));
    EXPECT_EQ(lost.exit_code, 4);
    EXPECT_THAT(lost.output, HasSubstr("lost/tokenizer.json"));
    std::filesystem::copy(folder.path("model"), folder.path("foreign"));
    std::filesystem::remove(folder.path("foreign/manifest.json"));
    model::TextInput input = model::load_text_input(folder.path("model"));
    input.labels.pop_back();
    model::save_text_input(input, folder.path("foreign"));
    const Result foreign = folder.polyformer("run foreign --text A" + std::string(kClear));
    EXPECT_EQ(foreign.exit_code, 4);
    EXPECT_THAT(foreign.output, AllOf(HasSubstr("text.json names 5 classes"), HasSubstr("6 logits")));
}

}  // namespace
}  // namespace polyformer::test
