// `polyformer generate`: a text gone on with, encrypted and in the clear, ended and taken up again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/model/tokenizers/vocabulary_file.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"
#include "tests/cli/program.h"

namespace polyformer::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

const std::string kGenerate = "generate model --insecure-ring-dimension 2048 ";
const std::string kClear = kGenerate + "--clear --token-ids 3 1 4 ";

std::vector<int> ids_of(const json& document) {
    std::vector<int> ids;
    for (const json& token : document.at("tokens")) ids.push_back(token.at("id").get<int>());
    return ids;
}

json generated(const std::string& command) {
    prepared().must(command + " --json generated.json");
    return prepared().json("generated.json");
}

void expect_refused(const std::string& command, int exit_code, const std::string& message) {
    const Result result = prepared().polyformer(command);
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    EXPECT_THAT(result.output, HasSubstr(message));
}

/// What an interrupted generation of prepared()'s model leaves.
json state_of(const std::vector<int>& ids, const std::string& temperature = "0") {
    json tokens = json::array();
    for (const int id : ids) tokens.push_back({{"id", id}, {"probability", 0.5}, {"as_in_clear", true}});
    return {{"format", "polyformer-generation"},
            {"version", 1},
            {"model", model::fingerprint(model::load_graph(prepared().path("model")))},
            {"encrypted", false},
            {"temperature", std::stod(temperature)},
            {"top_k", 0},
            {"seed", "1"},
            {"prompt", {3, 1, 4}},
            {"tokens", tokens}};
}

TEST(Generate, EncryptedIsGreedyDecodingInTheClear) {
    const json encrypted = generated(kGenerate + "--token-ids 3 1 4 --tokens 3 --out text");
    EXPECT_EQ(encrypted.at("backend"), "ckks");
    EXPECT_EQ(encrypted.at("requests"), 3);
    EXPECT_EQ(encrypted.at("stopped"), "tokens");
    EXPECT_LT(encrypted.at("max_abs_logit_error").get<double>(), 1e-2);
    EXPECT_GT(encrypted.at("max_abs_logit_error").get<double>(), 0);
    const json clear = generated(kClear + "--tokens 3");
    ASSERT_EQ(ids_of(clear).size(), 3U);
    EXPECT_EQ(ids_of(encrypted), ids_of(clear));
    // A token is what the model says of the text before it.
    std::string text = "3 1 4";
    for (const int id : ids_of(clear)) {
        prepared().must(
            "run model --backend clear --insecure-ring-dimension 2048 --json run.json --top 1 --token-ids " + text);
        const json likely = prepared().json("run.json").at("next_words_polynomial");
        ASSERT_EQ(likely.size(), 1U);
        EXPECT_EQ(likely[0].at("id"), id);
        text += " " + std::to_string(id);
    }
    EXPECT_EQ(clear.at("text"), encrypted.at("text"));
    EXPECT_EQ(read_file(prepared().path("text")), encrypted.at("text").get<std::string>() + "\n");
    EXPECT_EQ(std::filesystem::status(prepared().path("text")).permissions(), std::filesystem::perms(0600));
    EXPECT_FALSE(std::filesystem::exists(prepared().path("text.part")));
}

TEST(Generate, EndsWhereTheContextDoes) {
    const json all = generated(kClear + "--tokens 100");
    EXPECT_EQ(all.at("stopped"), "context");
    EXPECT_EQ(all.at("tokens").size(), 6U);  // a context of 8: five after the three, and what is said of all eight
    EXPECT_THAT(prepared().must(kClear + "--tokens 100"), HasSubstr("context of 8 tokens is full"));
}

TEST(Generate, GoesOnWhereItWasInterrupted) {
    const std::string drawn = kClear + "--tokens 5 --temperature 2 ";
    const std::vector<int> whole = ids_of(generated(drawn));
    const std::filesystem::path state = prepared().path("state");
    write_file(state, state_of({whole[0], whole[1]}, "2").dump());
    EXPECT_THAT(prepared().must(drawn + "--resume state --json generated.json"), HasSubstr("after the 2 token(s)"));
    EXPECT_EQ(ids_of(prepared().json("generated.json")), whole);
    EXPECT_FALSE(std::filesystem::exists(state));
    // Beside the output too, and also where nothing is left to do.
    write_file(prepared().path("story.part"), state_of({7, 7, 7, 7, 7}, "2").dump());
    EXPECT_EQ(ids_of(generated(drawn + "--out story")), (std::vector<int>{7, 7, 7, 7, 7}));
    EXPECT_FALSE(std::filesystem::exists(prepared().path("story.part")));
}

TEST(Generate, RefusesAnotherTextsAndADamagedState) {
    const auto refuse = [](const json& state, int exit_code, const std::string& message) {
        write_file(prepared().path("state"), state.dump());
        expect_refused(kClear + "--tokens 5 --resume state", exit_code, message);
        EXPECT_TRUE(std::filesystem::exists(prepared().path("state")));
    };
    const json sound = state_of({5});
    const auto with = [&](const char* field, const json& value) {
        json changed = sound;
        changed[field] = value;
        return changed;
    };
    refuse(with("model", "other"), 2, "another model");
    refuse(with("prompt", {3, 1}), 2, "another text");
    refuse(with("encrypted", true), 2, "--clear");
    refuse(with("temperature", 0.5), 2, "--temperature");
    refuse(with("seed", "2"), 2, "--seed");
    refuse(with("format", "other"), 4, "the format is 'other'");
    refuse(with("version", 2), 4, "version 2");
    refuse(with("surprise", 1), 4, "surprise");
    refuse(state_of({40}), 4, "token 40 of a vocabulary of 40");
    refuse(with("prompt", {3, 1, 400}), 4, "token 400");
    write_file(prepared().path("state"), "{");
    expect_refused(kClear + "--tokens 5 --resume state", 4, "'state'");
}

TEST(Generate, DrawsTheSameForTheSameSeed) {
    const std::string drawn = kClear + "--tokens 6 --temperature 3 ";
    const std::vector<int> first = ids_of(generated(drawn + "--seed 1"));
    EXPECT_EQ(ids_of(generated(drawn + "--seed 1")), first);
    EXPECT_NE(ids_of(generated(drawn + "--seed 2")), first);
    EXPECT_EQ(ids_of(generated(drawn + "--top-k 1 --seed 2")), ids_of(generated(kClear + "--tokens 6")));
    expect_refused(kClear + "--top-k 3", 2, "give a --temperature");
}

/// A model with a tokenizer whose logits are `bias` whatever the text is.
void write_model(const Folder& folder, const std::vector<float>& bias, model::TextOutput output) {
    const std::filesystem::path to = folder.path("model");
    std::filesystem::create_directories(to);
    constexpr std::size_t kWords = 8;
    model::Graph graph{.context = 6, .width = 4, .vocabulary = kWords, .nodes = {}};
    graph.nodes.push_back({"input", model::Input{}, 8});
    graph.nodes.push_back(
        {"map", model::Linear{.input = 0, .weight = {4, kWords, std::vector<float>(4 * kWords)}, .bias = bias}, 16});
    model::save_graph(graph, to);
    model::save_embedding({.tokens = {kWords, 4, std::vector<float>(4 * kWords, 0.5F)},
                           .positions = {6, 4, std::vector<float>(24)},
                           .norm = std::nullopt},
                          to);
    model::save_text_input({.tokenizer = "tokenizer.json",
                            .special_tokens = false,
                            .most_tokens = 0,
                            .output = output,
                            .normalise = false,
                            .labels = {}},
                           to);
    write_file(to / "tokenizer.json",
               model::tokenizer_from_vocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n", {}, "vocab.txt"));
    write_manifest(to);
}

TEST(Generate, EndsWhereTheModelEndsTheText) {
    const Folder folder;
    write_model(folder, {0, 0, 0, 5, 0, 0, 1, 0}, model::TextOutput::next_token);
    const std::string text = folder.must("generate model --clear --text 'a b' --json ended.json");
    EXPECT_THAT(text, HasSubstr("ends the text with [SEP]"));
    const json ended = folder.json("ended.json");
    EXPECT_EQ(ended.at("stopped"), "end_of_text");
    EXPECT_EQ(ended.at("tokens").size(), 1U);
    EXPECT_EQ(ended.at("text"), "ab");
    write_model(folder, {0, 0, 0, 0, 0, 0, 0, 3}, model::TextOutput::next_token);
    // Single letters are amino acids, written without spaces.
    folder.must("generate model --clear --text 'a b' --tokens 2 --json words.json");
    EXPECT_EQ(folder.json("words.json").at("text"), "abcc");
    EXPECT_EQ(folder.json("words.json").at("generated"), "cc");
    write_model(folder, {0, 0, 0, 0, 0, 0, 0, 3}, model::TextOutput::tokens);
    const Result other = folder.polyformer("generate model --clear --text a");
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_THAT(other.output, AllOf(HasSubstr("gives tokens"), HasSubstr("predicts the next token")));
}

}  // namespace
}  // namespace polyformer::test
