#include "polyformer/tasks/next_tokens.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "polyformer/model/families/read_checkpoint.h"
#include "polyformer/model/interpreter/reference.h"
#include "polyformer/model/language/perplexity.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::tasks {
namespace {

constexpr std::size_t kContext = 4;
constexpr double kVocabulary = 13;
const std::vector<std::string> kTexts{"c f h d", "b", "c m e e j g l k d"};

/// Tokens are the letters a to m.
TextModel letters() {
    const std::filesystem::path folder =
        std::filesystem::path(POLYFORMER_TEST_DATA).parent_path().parent_path() / "model/data/decoders/llama-plain";
    model::ImportedModel imported = model::read_checkpoint(folder, kContext);
    return {.graph = std::move(imported.graph),
            .embedding = std::move(imported.embedding),
            .input = std::move(imported.text),
            .tokenizer = model::Tokenizer(imported.tokenizer_file)};
}

/// Nats of the predictions of ids[first + 1] on, the others being read only.
double nats(const TextModel& model, const std::string& text, std::size_t first) {
    const std::vector<std::int32_t> ids = model.tokenizer.encode(text);
    const model::Tensor logits =
        model::evaluate_exact(model.graph, model.embedding.embed(std::span(ids).first(ids.size() - 1)));
    return model::negative_log_likelihood(logits, ids, first);
}

model::Polynomial& polynomial(TextModel& model, const std::string& name) {
    for (model::Node& node : model.graph.nodes) {
        if (node.name == name) return std::get<model::Apply>(node.operation).polynomial;
    }
    throw Error("no such node");
}

TEST(NextTokens, PredictsEachTokenOnceWithAsMuchBeforeItAsWindowsHold) {
    const TextModel model = letters();
    const NextTokenResult found = measure_next_tokens(model, kTexts, {.exact_only = true, .quiet = true});
    EXPECT_EQ(found.texts, 2U);
    EXPECT_EQ(found.texts_left_out, 1U);
    EXPECT_EQ(found.tokens, 3U + 8U);
    EXPECT_EQ(found.stride, 2U);
    EXPECT_EQ(found.windows, 4U);
    const double expected = nats(model, "c f h d", 0) + nats(model, "c m e e j", 0) + nats(model, "e e j g l", 2) +
                            nats(model, "j g l k d", 2);
    EXPECT_NEAR(found.perplexity, std::exp(expected / 11), 1e-9);
    EXPECT_FALSE(found.polynomial.has_value());
    EXPECT_EQ(measure_next_tokens(model, kTexts, {.stride = 4, .exact_only = true, .quiet = true}).windows, 3U);
    EXPECT_EQ(measure_next_tokens(model, kTexts, {.most_tokens = 2, .exact_only = true, .quiet = true}).texts, 1U);
}

TEST(NextTokens, ComparesPolynomialsWithFunctions) {
    // All polynomials are 0, so each token is as likely as any other.
    TextModel model = letters();
    polynomial(model, "final_norm.inverse_sqrt").upper = 0;
    const NextTokenResult found = measure_next_tokens(model, kTexts, {.quiet = true});
    ASSERT_TRUE(found.polynomial.has_value());
    EXPECT_EQ(found.polynomial->texts_lost, 0U);
    EXPECT_NEAR(found.polynomial->perplexity, kVocabulary, 1e-9);
    EXPECT_GT(found.polynomial->divergence, 0);
    EXPECT_LT(found.polynomial->divergence, 1);
    EXPECT_LT(found.polynomial->same_token, 1);
    EXPECT_EQ(found.polynomial->windows_outside, 4U);
    EXPECT_EQ(to_json(found)["tokens"], 11);
    EXPECT_NE(describe(found).find("the same token is most likely"), std::string::npos);
}

TEST(NextTokens, LostTextsAreCountedAndLeftOut) {
    TextModel model = letters();
    polynomial(model, "final_norm.inverse_sqrt").coefficients = {1e3};
    const NextTokenResult found = measure_next_tokens(model, kTexts, {.quiet = true});
    EXPECT_EQ(found.polynomial->texts_lost, 2U);
    EXPECT_TRUE(std::isfinite(found.perplexity));
    EXPECT_TRUE(to_json(found)["perplexity"]["polynomial"].is_null());
    EXPECT_NE(describe(found).find("all texts lost"), std::string::npos);
    polynomial(model, "final_norm.inverse_sqrt").coefficients = {1e308};
    EXPECT_EQ(measure_next_tokens(model, kTexts, {.quiet = true}).polynomial->texts_lost, 2U);
}

TEST(NextTokens, TheMarkOfBeginningStandsBeforeEachWindow) {
    TextModel model = letters();
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / "polyformer-next-tokens-test" / "tokenizer.json";
    std::filesystem::create_directories(file.parent_path());
    auto document =
        nlohmann::json::parse(read_file(std::filesystem::path(POLYFORMER_TEST_DATA).parent_path().parent_path() /
                                        "model/data/decoders/llama-plain/tokenizer.json"));
    document["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", {{{"SpecialToken", {{"id", "b"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
        {"pair", nlohmann::json::array()},
        {"special_tokens", {{"b", {{"id", "b"}, {"ids", {1}}, {"tokens", {"b"}}}}}}};
    write_file(file, document.dump());
    model.tokenizer = model::Tokenizer(file);
    std::filesystem::remove_all(file.parent_path());
    const NextTokenResult found =
        measure_next_tokens(model, std::vector<std::string>{"c f h d"}, {.exact_only = true, .quiet = true});
    EXPECT_EQ(found.tokens, 4U);  // the first one, too
    EXPECT_NEAR(found.perplexity, std::exp(nats(model, "b c f h d", 0) / 4), 1e-9);

    model.input.prefix = {1};  // now the model has read it already
    EXPECT_EQ(
        measure_next_tokens(model, std::vector<std::string>{"c f h d"}, {.exact_only = true, .quiet = true}).tokens,
        3U);
}

TEST(NextTokens, RefusesWhatCannotBeMeasured) {
    TextModel model = letters();
    const auto refused = [&](const std::vector<std::string>& texts, const NextTokenOptions& options) {
        EXPECT_THROW(measure_next_tokens(model, texts, options), Error);
    };
    refused({"a", ""}, {.quiet = true});
    refused(kTexts, {.stride = 5, .quiet = true});
    model.input.output = model::TextOutput::tokens;
    refused(kTexts, {.quiet = true});
}

}  // namespace
}  // namespace polyformer::tasks
