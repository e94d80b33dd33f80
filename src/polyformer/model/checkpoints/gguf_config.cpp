#include "polyformer/model/checkpoints/gguf_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <string_view>

#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"
#include "polyformer/support/text.h"

namespace polyformer::model {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxLayers = 1024;
constexpr std::size_t kMaxHeads = 4096;
constexpr std::size_t kMaxPositions = std::size_t{1} << 30;

// All that a LLaMA's file may say of the model; another key could change what it computes.
constexpr std::array<std::string_view, 22> kKeys = {"llama.attention.head_count",
                                                    "llama.attention.head_count_kv",
                                                    "llama.attention.key_length",
                                                    "llama.attention.layer_norm_rms_epsilon",
                                                    "llama.attention.value_length",
                                                    "llama.block_count",
                                                    "llama.context_length",
                                                    "llama.embedding_length",
                                                    "llama.expert_count",
                                                    "llama.expert_used_count",
                                                    "llama.feed_forward_length",
                                                    "llama.rope.dimension_count",
                                                    "llama.rope.freq_base",
                                                    "llama.rope.scale_linear",
                                                    "llama.rope.scaling.factor",
                                                    "llama.rope.scaling.finetuned",
                                                    "llama.rope.scaling.original_context_length",
                                                    "llama.rope.scaling.type",
                                                    "llama.tensor_data_layout",
                                                    "llama.vocab_size",
                                                    "llama.attention.causal",
                                                    "llama.use_parallel_residual"};

void check_keys(const GgufMetadata& metadata) {
    for (const auto& [key, value] : metadata.values()) {
        require<FormatError>(!key.starts_with("llama.") || std::ranges::find(kKeys, key) != kKeys.end(),
                             "{}: '{}' asks for something that is not known here, and leaving it out could change what "
                             "the model computes",
                             metadata.label(), printable(key));
    }
    require<FormatError>(
        metadata.flag("llama.attention.causal", true) && !metadata.flag("llama.use_parallel_residual", false),
        "{}: attention that looks ahead and parallel residuals cannot be imported", metadata.label());
    const std::size_t experts = metadata.count("llama.expert_count", 0, kMaxHeads, 0);
    require<FormatError>(experts == 0, "{}: 'llama.expert_count' is {}, but mixtures of experts cannot be imported",
                         metadata.label(), experts);
    const std::size_t parts = metadata.count("split.count", 0, kMaxFeatures, 0);
    require<FormatError>(parts <= 1,
                         "{}: this is one of {} parts of a model: make them one file with llama-gguf-split --merge",
                         metadata.label(), parts);
}

/// What LLaMA 3.1 divides the frequency of pair i of a head by: nothing where a turn is short, `factor` where it is
/// longer than the context of its training.
double llama3_factor(std::size_t pair, std::size_t width, double base, double factor, double context) {
    const double turn =
        2 * std::numbers::pi * std::pow(base, 2 * static_cast<double>(pair) / static_cast<double>(width));
    constexpr double kLow = 1;
    constexpr double kHigh = 4;
    if (turn < context / kHigh) return 1;
    if (turn > context / kLow) return factor;
    const double share = (context / turn - kLow) / (kHigh - kLow);
    return 1 / ((1 - share) / factor + share);
}

/// Such a file has the factors, but not what they were made of, which is the same in all of LLaMA 3's kin.
json llama3_scaling(const GgufFile& file, std::size_t width, double base) {
    const FloatTensor factors = file.read(kRotaryFactors);
    require<FormatError>(factors.values.size() == width / 2, "{}: '{}' has {} entries, but heads have {} pairs",
                         file.label(), kRotaryFactors, factors.values.size(), width / 2);
    const double factor = *std::ranges::max_element(factors.values);
    const std::size_t context =
        file.metadata().count("llama.rope.scaling.original_context_length", 1, kMaxPositions, 8192);
    for (std::size_t i = 0; i < factors.values.size(); ++i) {
        const double expected = llama3_factor(i, width, base, factor, static_cast<double>(context));
        require<FormatError>(std::abs(factors.values[i] - expected) <= 1e-3 * expected,
                             "{}: '{}' has {} at index {}, where LLaMA 3's scaling by {} has {:.4f}: other scalings of "
                             "rotary positions cannot be imported",
                             file.label(), kRotaryFactors, factors.values[i], i, factor, expected);
    }
    return {{"rope_type", "llama3"},
            {"factor", factor},
            {"low_freq_factor", 1.0},
            {"high_freq_factor", 4.0},
            {"original_max_position_embeddings", context}};
}

json rotary_scaling(const GgufFile& file, std::size_t width, double base) {
    const GgufMetadata& metadata = file.metadata();
    const bool has_factors = file.tensors().contains(kRotaryFactors);
    const double linear = metadata.number("llama.rope.scale_linear", 1e-3, 1e6, 1);
    const std::string_view type = metadata.text("llama.rope.scaling.type", linear == 1 ? "none" : "linear");
    require<FormatError>(type == "none" || (type == "linear" && !has_factors),
                         "{}: 'llama.rope.scaling.type' is '{}', but rotary positions can only be unscaled, scaled as "
                         "LLaMA 3.1's, or 'linear'",
                         metadata.label(), printable(type));
    if (has_factors) return llama3_scaling(file, width, base);
    if (type == "none") return nullptr;
    return {{"rope_type", "linear"}, {"factor", metadata.number("llama.rope.scaling.factor", 1e-3, 1e6, linear)}};
}

}  // namespace

GgufHeads gguf_heads(const GgufFile& file) {
    const GgufMetadata& metadata = file.metadata();
    const std::string_view architecture = metadata.text("general.architecture");
    require<FormatError>(architecture == "llama",
                         "{}: 'general.architecture' is '{}', but of GGUF files only 'llama' can be imported",
                         metadata.label(), printable(architecture));
    const std::size_t heads = metadata.count("llama.attention.head_count", 1, kMaxHeads);
    return {.query = heads, .key = metadata.count("llama.attention.head_count_kv", 1, kMaxHeads, heads)};
}

json gguf_config(const GgufFile& file) {
    const GgufMetadata& metadata = file.metadata();
    const GgufHeads heads = gguf_heads(file);
    check_keys(metadata);
    const std::size_t width = metadata.count("llama.embedding_length", 1, kMaxFeatures);
    const std::size_t head = metadata.count("llama.attention.key_length", 1, kMaxFeatures, width / heads.query);
    for (const char* key : {"llama.attention.value_length", "llama.rope.dimension_count"}) {
        const std::size_t other = metadata.count(key, 1, kMaxFeatures, head);
        require<FormatError>(other == head, "{}: '{}' is {}, but a head's keys have {} features: both must be equal",
                             metadata.label(), key, other, head);
    }
    const auto embedding = file.tensors().find("token_embd.weight");
    require<FormatError>(embedding != file.tensors().end(), "{}: there is no tensor 'token_embd.weight'",
                         metadata.label());
    const std::size_t vocabulary = metadata.count("llama.vocab_size", 1, kMaxFeatures, embedding->second.shape.front());
    const double base = metadata.number("llama.rope.freq_base", 1, 1e12, 10000);
    return {{"model_type", "llama"},
            {"architectures", {"LlamaForCausalLM"}},
            {"vocab_size", vocabulary},
            {"hidden_size", width},
            {"intermediate_size", metadata.count("llama.feed_forward_length", 1, kMaxFeatures)},
            {"num_hidden_layers", metadata.count("llama.block_count", 1, kMaxLayers)},
            {"num_attention_heads", heads.query},
            {"num_key_value_heads", heads.key},
            {"head_dim", head},
            {"hidden_act", "silu"},
            {"max_position_embeddings", metadata.count("llama.context_length", 1, kMaxPositions)},
            {"rms_norm_eps", metadata.number("llama.attention.layer_norm_rms_epsilon", 0, 1, 1e-5)},
            {"rope_theta", base},
            {"rope_scaling", rotary_scaling(file, head, base)},
            {"attention_bias", file.tensors().contains("blk.0.attn_q.bias")},
            {"mlp_bias", file.tensors().contains("blk.0.ffn_gate.bias")},
            {"tie_word_embeddings", !file.tensors().contains("output.weight")}};
}

}  // namespace polyformer::model
