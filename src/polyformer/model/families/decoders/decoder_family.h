// A family of decoders: what its config calls the sizes, what its checkpoints call the weights. One short source each.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/checkpoints/checkpoint_weights.h"
#include "polyformer/model/checkpoints/model_config.h"
#include "polyformer/model/families/decoders/decoder_weights.h"

namespace polyformer::model {

/// Names and shapes, as functions of the config. Those that read weights throw what CheckpointWeights does.
struct DecoderFamily {
    std::span<const std::string_view> model_types;  ///< as config.json has it
    std::string_view architecture;                  ///< how the name of one with logits ends: "ForCausalLM"
    std::string_view prefix;                        ///< before the tensors of all but the logits
    /// Beginnings of the names of tensors that change nothing.
    std::vector<std::string> (*unused)(const DecoderShape&);
    /// For texts of up to `context` tokens.
    DecoderShape (*shape)(const ModelConfig&, std::size_t context);
    DecoderTables (*tables)(CheckpointWeights&, const DecoderShape&);
    DecoderLayer (*layer)(CheckpointWeights&, const DecoderShape&, std::size_t index);
};

/// LLaMA; Mistral and Qwen2, which are alike.
const DecoderFamily& llama_family();
const DecoderFamily& gpt2_family();

/// The family of config.json's model_type; null where it is none of decoders.
const DecoderFamily* find_decoder_family(const ModelConfig& config);
/// All that find_decoder_family() knows.
std::vector<std::string_view> decoder_model_types();

/// Whether logits are made by the matrix that embeds tokens: as config.json says, or else `otherwise`.
bool tied(const ModelConfig& config, bool otherwise);

}  // namespace polyformer::model
