#include "polyformer/model/language/text_input.h"

#include "polyformer/support/folders/manifest.h"
#include "tests/model/fixtures.h"

namespace polyformer::model {
namespace {

TextInput embedder() {
    return {.tokenizer = "tokenizer.json",
            .special_tokens = true,
            .most_tokens = 128,
            .output = TextOutput::embedding,
            .normalise = true,
            .labels = {}};
}

TextInput classifier() {
    return {.tokenizer = "tokenizer.model",
            .special_tokens = false,
            .most_tokens = 0,
            .output = TextOutput::classes,
            .normalise = false,
            .labels = {"ham", "pourriel \"d'été\""}};
}

TextInput decoder() {
    return {.tokenizer = "tokenizer.json",
            .special_tokens = true,
            .most_tokens = 0,
            .output = TextOutput::next_token,
            .normalise = false,
            .labels = {},
            .prefix = {1, 30}};
}

TEST(TextInput, SurvivesTheFile) {
    const ScratchDirectory directory;
    TextInput index = classifier();
    index.output = TextOutput::documents;
    index.labels = {"a title", "a title"};
    for (const TextInput& input : {embedder(), classifier(), index, decoder(), TextInput{}}) {
        save_text_input(input, directory.path());
        const TextInput loaded = load_text_input(directory.path());
        EXPECT_EQ(loaded.tokenizer, input.tokenizer);
        EXPECT_EQ(loaded.special_tokens, input.special_tokens);
        EXPECT_EQ(loaded.most_tokens, input.most_tokens);
        EXPECT_EQ(loaded.output, input.output);
        EXPECT_EQ(loaded.normalise, input.normalise);
        EXPECT_EQ(loaded.labels, input.labels);
        EXPECT_EQ(loaded.prefix, input.prefix);
    }
}

TEST(TextInput, APrefixTakesThePlaceOfSpecialTokens) {
    TextInput input = decoder();
    EXPECT_FALSE(input.adds_special_tokens());
    input.prefix.clear();
    EXPECT_TRUE(input.adds_special_tokens());
}

TEST(TextInput, OldFoldersHaveNone) {
    const ScratchDirectory directory;
    const TextInput input = load_text_input(directory.path());
    EXPECT_EQ(input.tokenizer, "tokenizer.model");
    EXPECT_EQ(input.output, TextOutput::next_token);
    EXPECT_FALSE(input.special_tokens);
}

TEST(TextInput, ALostOrForeignFileIsRefused) {
    const ScratchDirectory directory;
    save_text_input(embedder(), directory.path());
    write_manifest(directory.path());
    save_text_input(classifier(), directory.path());
    expect_error<FormatError>([&] { load_text_input(directory.path()); }, {"text.json"});
    std::filesystem::remove(directory.path() / text_input_file);
    expect_error<FormatError>([&] { load_text_input(directory.path()); }, {"text.json", "missing"});
}

TEST(TextInput, DamagedFilesAreRefused) {
    const ScratchDirectory directory;
    const auto expect = [&](const TextInput& input, const std::string& from, const std::string& to,
                            const std::vector<std::string>& parts) {
        save_text_input(input, directory.path());
        const std::string text = read_file(directory.path() / text_input_file);
        const std::size_t at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        write_file(directory.path() / text_input_file, std::string(text).replace(at, from.size(), to));
        expect_error<FormatError>([&] { load_text_input(directory.path()); }, parts);
    };
    expect(embedder(), "polyformer-text-input", "polyformer-graph", {"text.json", "'polyformer-graph'"});
    expect(embedder(), "\"version\": 1", "\"version\": 2", {"version 2 is not known"});
    expect(embedder(), "tokenizer.json", "../tokenizer.json", {"'../tokenizer.json'", "'tokenizer.json'"});
    expect(embedder(), "\"special_tokens\": true", "\"special_tokens\": 1", {"'special_tokens'"});
    expect(embedder(), "128", "65537", {"'most_tokens'", "65537"});
    expect(embedder(), "\"embedding\"", "\"picture\"",
           {"'picture'", "next_token, tokens, classes, embedding, documents"});
    expect(embedder(), "\"embedding\"", "\"tokens\"", {"unknown key 'normalise'"});
    expect(embedder(), "\"embedding\"", "\"classes\"", {"'labels' is missing"});
    expect(embedder(), "tokenizer.json", "tokenizer.model", {"special tokens", "'tokenizer.json'"});
    expect(decoder(), "30", "-1", {"'prefix'", "token ids", "-1"});
    expect(decoder(), "30", "1048576", {"'prefix'", "1048576"});
    expect(decoder(), "30", "\"of\"", {"'prefix'", "of"});
    expect(decoder(), "\"next_token\"", "\"tokens\"", {"prefix", "'tokens'"});
    expect(classifier(), "\"ham\",", "", {"1 labels", "2 to"});
    expect(classifier(), "\"ham\"", "7", {"'labels'", "strings"});
    expect(classifier(), "\"ham\"", "\"\"", {"label 0"});
    expect(classifier(), "\"ham\"", "\"\\n\"", {"label 0", "control characters"});
    expect(classifier(), "\"ham\"", "\"pourriel \\\"d'été\\\"\"", {"label 1", "twice"});
}

TEST(TextInput, UnsoundOnesAreNotSaved) {
    const ScratchDirectory directory;
    const auto expect = [&](TextInput input, auto change, const std::vector<std::string>& parts) {
        change(input);
        expect_error<Error>([&] { save_text_input(input, directory.path()); }, parts);
    };
    expect(embedder(), [](TextInput& i) { i.output = TextOutput::tokens; }, {"normalised", "'tokens'"});
    expect(embedder(), [](TextInput& i) { i.labels = {"a", "b"}; }, {"2 labels", "'embedding'"});
    expect(classifier(), [](TextInput& i) { i.labels[0] = std::string(257, 'a'); }, {"label 0", "256"});
    expect(classifier(), [](TextInput& i) { i.labels[0] = "\xff"; }, {"label 0", "UTF-8"});
    expect(decoder(), [](TextInput& i) { i.prefix[0] = -1; }, {"prefix", "token -1"});
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace polyformer::model
