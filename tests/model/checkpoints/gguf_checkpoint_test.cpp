// data/gguf/llama.gguf stands where a Hugging Face folder can: config, weights, tokenizer (scripts/golden-gguf).
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/model/language/tokenizer.h"
#include "tests/model/fixtures.h"
#include "tests/model/gguf/gguf_bytes.h"

namespace polyformer::model {
namespace {

using nlohmann::json;

const std::filesystem::path kData = std::filesystem::path(POLYFORMER_TEST_DATA) / "gguf";

TEST(GgufCheckpoint, HasHuggingFacesWeights) {
    CheckpointWeights weights(kData / "llama.gguf", "");
    const FloatTensors expected = read_safetensors(kData / "llama.safetensors");
    for (const auto& [name, tensor] : expected) {
        const std::vector<float> found = tensor.shape.size() == 1
                                             ? weights.vector(name, tensor.shape[0])
                                             : weights.matrix(name, tensor.shape[0], tensor.shape[1]).values;
        EXPECT_EQ(found, tensor.values) << name;
    }
    EXPECT_NO_THROW(weights.require_all_read({}));
    expect_error<FormatError>([&] { weights.matrix("lm_head.weight", 300, 24); }, {"llama.gguf", "'lm_head.weight'"});
    expect_error<FormatError>([&] { weights.matrix("model.embed_tokens.weight", 301, 24); },
                              {"llama.gguf", "[300, 24]", "by the config it is [301, 24]"});
}

TEST(GgufCheckpoint, HasAConfig) {
    const ModelConfig config = read_model_config(kData / "llama.gguf");
    EXPECT_EQ(config.model_type, "llama");
    EXPECT_EQ(config.architecture, "LlamaForCausalLM");
    EXPECT_TRUE(config.tied);
    const std::map<std::string, std::size_t> sizes = {{"hidden_size", 24},
                                                      {"num_hidden_layers", 2},
                                                      {"num_attention_heads", 3},
                                                      {"num_key_value_heads", 1},
                                                      {"intermediate_size", 16},
                                                      {"vocab_size", 300},
                                                      {"max_position_embeddings", 32},
                                                      {"head_dim", 8}};
    for (const auto& [key, size] : sizes) EXPECT_EQ(config.size(key.c_str(), 1, 1000), size) << key;
    EXPECT_FLOAT_EQ(static_cast<float>(config.number("rms_norm_eps", 0, 1, 0)), 1e-5F);
    EXPECT_EQ(config.number("rope_theta", 0, 1e9, 0), 1000);
    EXPECT_TRUE(config.document.at("rope_scaling").is_null());
    EXPECT_EQ(config.text("hidden_act", ""), "silu");
}

TEST(GgufCheckpoint, HasATokenizer) {
    const Tokenizer tokenizer(kData / "llama.gguf");
    EXPECT_EQ(tokenizer.vocabulary(), 300U);
    EXPECT_TRUE(tokenizer.is_special(*tokenizer.find("<|end|>")));
    for (const json& text : json::parse(read_file(kData / "texts.json"))) {
        EXPECT_EQ(tokenizer.encode(text[0]), text[1].get<std::vector<std::int32_t>>()) << text[0];
    }
    // What a model's folder keeps is an ordinary tokenizer.json.
    const ScratchDirectory scratch;
    write_file(scratch.path() / "tokenizer.json", tokenizer_json(kData / "llama.gguf"));
    const Tokenizer kept(scratch.path() / "tokenizer.json");
    EXPECT_EQ(kept.encode("In 1984"), tokenizer.encode("In 1984"));
}

TEST(GgufCheckpoint, HasSentencePiecesTokenizer) {
    const Tokenizer tokenizer(kData / "pieces.gguf");
    for (const json& text : json::parse(read_file(kData / "pieces.json"))) {
        EXPECT_EQ(tokenizer.encode(text[0]), text[1].get<std::vector<std::int32_t>>()) << text[0];
        std::vector<std::int32_t> ids = tokenizer.encode_whole(text[0], 1000).ids;
        ASSERT_FALSE(ids.empty());
        EXPECT_EQ(ids[0], *tokenizer.find("<s>"));
        EXPECT_EQ(tokenizer.decode(ids), text[0].get<std::string>());
    }
    EXPECT_EQ(tokenizer.piece(*tokenizer.find("<0x41>")), "A");
    EXPECT_EQ(tokenizer.piece(*tokenizer.find("\u2581is")), " is");
}

TEST(GgufCheckpoint, IsFoundInAFolder) {
    const ScratchDirectory scratch;
    EXPECT_EQ(find_checkpoint(kData / "llama.gguf"), kData / "llama.gguf");
    EXPECT_EQ(find_checkpoint(scratch.path()), scratch.path());
    std::filesystem::copy(kData / "llama.gguf", scratch.path() / "a.gguf");
    EXPECT_EQ(find_checkpoint(scratch.path()), scratch.path() / "a.gguf");
    write_file(scratch.path() / "b.gguf", "");
    expect_error<FormatError>([&] { find_checkpoint(scratch.path()); }, {"2 GGUF files"});
    write_file(scratch.path() / "model.safetensors", "");
    EXPECT_EQ(find_checkpoint(scratch.path()), scratch.path());
}

/// What a LLaMA's file says at least, and one tensor of 8 tokens of width 8, or more of them.
class GgufRefusals : public testing::Test {
  protected:
    using Pair = std::function<void(GgufBytes&)>;

    GgufRefusals() {
        text("general.architecture", "llama");
        for (const char* key : {"embedding_length", "feed_forward_length", "context_length"}) {
            count(std::string("llama.") + key, 8);
        }
        count("llama.block_count", 1);
        count("llama.attention.head_count", 2);
        text("tokenizer.ggml.model", "gpt2");
        text("tokenizer.ggml.pre", "gpt-2");
        texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<s>"});
        texts("tokenizer.ggml.merges", {"a b"});
    }

    void text(const std::string& key, const std::string& value) {
        pairs_[key] = [=](GgufBytes& file) { file.pair(key, value); };
    }
    void count(const std::string& key, std::uint32_t value) {
        pairs_[key] = [=](GgufBytes& file) { file.pair(key, value); };
    }
    void flag(const std::string& key, bool value) {
        pairs_[key] = [=](GgufBytes& file) { file.pair(key, value); };
    }
    void real(const std::string& key, float value) {
        pairs_[key] = [=](GgufBytes& file) { file.pair(key, value); };
    }
    void texts(const std::string& key, const std::vector<std::string>& values) {
        pairs_[key] = [=](GgufBytes& file) { file.pair(key, values); };
    }
    void numbers(const std::string& key, const std::vector<float>& values) {
        pairs_[key] = [=](GgufBytes& file) { file.pair(key, values); };
    }
    void drop(const std::string& key) { pairs_.erase(key); }

    std::filesystem::path write(const std::map<std::string, std::vector<float>>& vectors = {}) const {
        GgufBytes file;
        file.start(1 + vectors.size(), pairs_.size());
        for (const auto& [key, pair] : pairs_) pair(file);
        file.tensor("token_embd.weight", {8, 8}, 0, 0);
        std::string data(256, '\0');
        for (const auto& [name, values] : vectors) {
            file.tensor(name, {values.size()}, 0, data.size());
            data.append(reinterpret_cast<const char*>(values.data()), 4 * values.size());
            data.resize((data.size() + 31) / 32 * 32);
        }
        file.data(data);
        const std::filesystem::path path = scratch_.path() / "m.gguf";
        write_file(path, file.bytes());
        return path;
    }

    void expect_config_refused(const std::vector<std::string>& parts) const {
        expect_error<FormatError>([&] { read_model_config(write()); }, parts);
    }
    void expect_tokenizer_refused(const std::vector<std::string>& parts) const {
        expect_error<FormatError>([&] { Tokenizer{write()}; }, parts);
    }

    const ScratchDirectory scratch_;
    std::map<std::string, Pair> pairs_;
};

TEST_F(GgufRefusals, TheLeastIsTaken) {
    const ModelConfig config = read_model_config(write());
    EXPECT_EQ(config.size("num_key_value_heads", 1, 9), 2U);
    EXPECT_EQ(config.size("vocab_size", 1, 9), 8U);
    EXPECT_EQ(config.number("rope_theta", 1, 1e9, 0), 10000);
    EXPECT_EQ(Tokenizer(write()).encode("abb"), (std::vector<std::int32_t>{2, 1}));
    real("llama.rope.scale_linear", 4);
    EXPECT_EQ(read_model_config(write()).document["rope_scaling"], (json{{"rope_type", "linear"}, {"factor", 4.0}}));
    EXPECT_FALSE(read_model_config(write({{"output.weight", {1}}})).tied);
}

TEST_F(GgufRefusals, WhatAModelAsksForAndWeLackIsNamed) {
    const auto fresh = pairs_;
    const auto expect = [&](const std::vector<std::string>& parts) {
        expect_config_refused(parts);
        pairs_ = fresh;
    };
    text("general.architecture", "mamba");
    expect({"m.gguf", "'general.architecture' is 'mamba'", "'llama'"});
    drop("general.architecture");
    expect({"'general.architecture' is missing"});
    count("llama.expert_count", 8);
    expect({"'llama.expert_count' is 8", "experts"});
    real("llama.logit_scale", 2);
    expect({"'llama.logit_scale'", "not known"});
    count("llama.rope.dimension_count", 2);
    expect({"'llama.rope.dimension_count' is 2", "4 features"});
    text("llama.rope.scaling.type", "yarn");
    expect({"'llama.rope.scaling.type' is 'yarn'", "linear"});
    flag("llama.attention.causal", false);
    expect({"looks ahead"});
    count("split.count", 3);
    expect({"one of 3 parts", "llama-gguf-split --merge"});
    drop("llama.block_count");
    expect({"'llama.block_count' is missing"});
    count("llama.block_count", 5000);
    expect({"'llama.block_count' is 5000"});
    numbers("llama.attention.head_count", {2});
    expect({"'llama.attention.head_count' is 1 numbers"});
}

TEST_F(GgufRefusals, OnlyLlama3sFactorsScalePositions) {
    count("llama.attention.key_length", 16);
    count("llama.rope.dimension_count", 16);
    real("llama.rope.freq_base", 500000);
    // Frequencies of pairs 0 to 7 as transformers scales them (rope_type llama3, factor 8, 1 and 4, 8192).
    std::vector<float> factors;
    for (int i = 0; i < 8; ++i) {
        const double turn = 2 * std::numbers::pi * std::pow(500000.0, i / 8.0);
        const double smooth = (8192 / turn - 1) / 3;
        factors.push_back(static_cast<float>(turn < 2048 ? 1 : turn > 8192 ? 8 : 1 / ((1 - smooth) / 8 + smooth)));
    }
    EXPECT_EQ(factors[3], 1);
    EXPECT_EQ(factors[7], 8);
    const std::filesystem::path path = write({{"rope_freqs.weight", factors}});
    EXPECT_EQ(read_model_config(path).document["rope_scaling"], (json{{"rope_type", "llama3"},
                                                                      {"factor", 8.0},
                                                                      {"low_freq_factor", 1.0},
                                                                      {"high_freq_factor", 4.0},
                                                                      {"original_max_position_embeddings", 8192}}));
    EXPECT_FALSE(CheckpointWeights(path, "").contains("rope_freqs.weight"));
    factors[1] = 2;
    expect_error<FormatError>(
        [&] {
            read_model_config(write({{"rope_freqs.weight", factors}}));
        },
        {"'rope_freqs.weight' has 2 at index 1"});
    factors.pop_back();
    expect_error<FormatError>(
        [&] {
            read_model_config(write({{"rope_freqs.weight", factors}}));
        },
        {"'rope_freqs.weight' has 7 entries"});
}

TEST_F(GgufRefusals, WeightsThatAreTheSameOrCannotBeShared) {
    expect_error<FormatError>(
        [&] {
            CheckpointWeights(write({{"output_norm.weight", {1}}, {"model.norm.weight", {1}}}), "");
        },
        {"'model.norm.weight' and 'output_norm.weight' are the same weight"});
    CheckpointWeights weights(write({{"blk.0.attn_q.bias", {1, 2, 3}}}), "");
    expect_error<FormatError>([&] { weights.vector("model.layers.0.self_attn.q_proj.bias", 3); },
                              {"'blk.0.attn_q.bias' has 3 rows", "2 heads"});
}

TEST_F(GgufRefusals, TokenizersThatWeLackAreNamed) {
    const auto fresh = pairs_;
    const auto expect = [&](const std::vector<std::string>& parts) {
        expect_tokenizer_refused(parts);
        pairs_ = fresh;
    };
    text("tokenizer.ggml.model", "rwkv");
    expect({"'tokenizer.ggml.model' is 'rwkv'", "gpt2 and llama"});
    drop("tokenizer.ggml.pre");
    expect({"'tokenizer.ggml.pre'", "is missing", "smollm"});
    text("tokenizer.ggml.pre", "tekken");
    expect({"is 'tekken'", "smollm"});
    drop("tokenizer.ggml.merges");
    expect({"'tokenizer.ggml.merges' is missing"});
    texts("tokenizer.ggml.merges", {});
    expect({"'tokenizer.ggml.merges' has 0 entries"});
    texts("tokenizer.ggml.merges", {"a c"});
    expect({"model.merges[0]", "'c' is not in the vocabulary"});
    texts("tokenizer.ggml.merges", {"a \xff"});
    expect({"merge 0 is no UTF-8"});
    drop("tokenizer.ggml.tokens");
    expect({"'tokenizer.ggml.tokens' is missing"});
    texts("tokenizer.ggml.tokens", {"a", "a"});
    expect({"'a' has the ids 0 and 1"});
    texts("tokenizer.ggml.tokens", {"a", "\xff"});
    expect({"piece 1, '\\xff'", "UTF-8"});
    numbers("tokenizer.ggml.token_type", {1});
    expect({"4 pieces", "1 entries"});
    numbers("tokenizer.ggml.token_type", {1, 1, 1, 7});
    expect({"'tokenizer.ggml.token_type' is 7 for piece 3"});
    flag("tokenizer.ggml.add_bos_token", true);
    expect({"'tokenizer.ggml.bos_token_id' is missing"});
    flag("tokenizer.ggml.add_bos_token", true);
    count("tokenizer.ggml.bos_token_id", 4);
    expect({"'tokenizer.ggml.bos_token_id' is 4", "0 to 3"});
}

TEST_F(GgufRefusals, BeginningsOfTextsAreMarkedWhereTheFileSaysSo) {
    numbers("tokenizer.ggml.token_type", {1, 1, 1, 3});
    flag("tokenizer.ggml.add_bos_token", true);
    flag("tokenizer.ggml.add_eos_token", true);
    count("tokenizer.ggml.bos_token_id", 3);
    count("tokenizer.ggml.eos_token_id", 0);
    const Tokenizer tokenizer(write());
    EXPECT_EQ(tokenizer.encode_whole("b", 9).ids, (std::vector<std::int32_t>{3, 1, 0}));
    EXPECT_EQ(tokenizer.encode("<s>ab"), (std::vector<std::int32_t>{3, 2}));
}

}  // namespace
}  // namespace polyformer::model
