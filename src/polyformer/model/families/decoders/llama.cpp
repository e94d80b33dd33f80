// LLaMA, and what has its shape and names: SmolLM, TinyLlama; Mistral; Qwen2, whose queries, keys and values have a
// bias. RMSNorm, rotary positions, a gate, keys and values shared by heads.
#include <array>
#include <cmath>

#include "polyformer/model/families/decoders/decoder_family.h"
#include "polyformer/model/families/decoders/rotary.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

namespace {

constexpr std::array<std::string_view, 3> model_types = {"llama", "mistral", "qwen2"};
constexpr std::size_t kMaxPositions = std::size_t{1} << 30;

/// Mistral and Qwen2 may let a token see the last few only, which changes nothing in a text of no more.
void check_window(const ModelConfig& config, std::size_t context) {
    if (config.model_type == "llama" || !config.flag("use_sliding_window", config.model_type == "mistral")) return;
    const std::size_t otherwise = config.model_type == "mistral" ? kMaxPositions : 4096;
    const std::size_t window = config.size("sliding_window", 1, kMaxPositions, otherwise);
    require<FormatError>(context <= window,
                         "{}: 'sliding_window' lets each token see the last {} only, which cannot be imported for "
                         "texts of more: take a context of at most {}, not {}",
                         config.label, window, window, context);
}

DecoderShape shape_of(const ModelConfig& config, std::size_t context) {
    check_window(config, context);
    DecoderShape shape;
    shape.width = config.size("hidden_size", 1, kMaxFeatures);
    shape.layers = config.size("num_hidden_layers", 1, kMaxNodes);
    shape.heads = config.size("num_attention_heads", 1, kMaxFeatures);
    shape.key_heads = config.size("num_key_value_heads", 1, kMaxFeatures, shape.heads);
    shape.head_width = config.size("head_dim", 1, kMaxFeatures, shape.width / shape.heads);
    shape.hidden = config.size("intermediate_size", 1, kMaxFeatures);
    shape.vocabulary = config.size("vocab_size", 1, kMaxFeatures);
    shape.positions = config.size("max_position_embeddings", 1, kMaxPositions, 2048);
    shape.norm = NormKind::rms_norm;
    shape.epsilon = config.number("rms_norm_eps", 0, 1, 1e-6);
    shape.activation = activation_of(config, "hidden_act", "silu");
    shape.rotary_frequencies = rotary_frequencies(config, shape.head_width);
    shape.score_scales.assign(shape.layers, 1 / std::sqrt(static_cast<double>(shape.head_width)));
    const bool llama = config.model_type == "llama";
    shape.attention_bias = config.model_type == "qwen2" || (llama && config.flag("attention_bias", false));
    shape.output_bias = llama && shape.attention_bias;
    shape.feed_forward_bias = llama && config.flag("mlp_bias", false);
    shape.tied = tied(config, false);
    return shape;
}

LinearWeights map(CheckpointWeights& weights, const std::string& name, std::size_t inputs, std::size_t outputs,
                  bool bias) {
    if (bias) return weights.linear(name, inputs, outputs);
    return {transposed(weights.matrix(name + ".weight", outputs, inputs)), {}};
}

NormWeights norm(CheckpointWeights& weights, const std::string& name, std::size_t width) {
    return {weights.vector(name + ".weight", width), {}};
}

DecoderTables read_tables(CheckpointWeights& weights, const DecoderShape& shape) {
    return {.tokens = weights.matrix("embed_tokens.weight", shape.vocabulary, shape.width),
            .final_norm = norm(weights, "norm", shape.width)};
}

DecoderLayer read_layer(CheckpointWeights& weights, const DecoderShape& shape, std::size_t index) {
    const std::string name = fmt::format("layers.{}.", index);
    const std::size_t width = shape.width;
    const std::size_t wide = shape.heads * shape.head_width;
    const std::size_t narrow = shape.key_heads * shape.head_width;
    const bool inner = shape.feed_forward_bias;
    return {.attention_norm = norm(weights, name + "input_layernorm", width),
            .query = map(weights, name + "self_attn.q_proj", width, wide, shape.attention_bias),
            .key = map(weights, name + "self_attn.k_proj", width, narrow, shape.attention_bias),
            .value = map(weights, name + "self_attn.v_proj", width, narrow, shape.attention_bias),
            .output = map(weights, name + "self_attn.o_proj", wide, width, shape.output_bias),
            .feed_forward_norm = norm(weights, name + "post_attention_layernorm", width),
            .gate = map(weights, name + "mlp.gate_proj", width, shape.hidden, inner),
            .up = map(weights, name + "mlp.up_proj", width, shape.hidden, inner),
            .down = map(weights, name + "mlp.down_proj", shape.hidden, width, inner)};
}

/// Old checkpoints keep the frequencies of rotary positions.
std::vector<std::string> unused(const DecoderShape& shape) {
    std::vector<std::string> names{"rotary_emb.inv_freq"};
    for (std::size_t i = 0; i < shape.layers; ++i) {
        names.push_back(fmt::format("layers.{}.self_attn.rotary_emb.inv_freq", i));
    }
    return names;
}

}  // namespace

const DecoderFamily& llama_family() {
    static constexpr DecoderFamily family{.model_types = model_types,
                                          .architecture = "ForCausalLM",
                                          .prefix = "model.",
                                          .unused = unused,
                                          .shape = shape_of,
                                          .tables = read_tables,
                                          .layer = read_layer};
    return family;
}

}  // namespace polyformer::model
