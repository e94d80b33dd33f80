// LLaMA's weights in a GGUF file, as a Hugging Face checkpoint has them.
#pragma once

#include <filesystem>
#include <memory>

#include "polyformer/model/checkpoints/weight_source.h"

namespace polyformer::model {

/// Tensors under Hugging Face's names ("blk.0.attn_q.weight" is "model.layers.0.self_attn.q_proj.weight"); others keep
/// their own. llama.cpp turns features 2j and 2j + 1 of a head together, Hugging Face j and j + w/2: rows of the maps
/// to queries and keys come back in the latter order. Throws what GgufFile does, and FormatError for a file of another
/// architecture.
std::unique_ptr<WeightSource> open_gguf_weights(const std::filesystem::path& file);

}  // namespace polyformer::model
