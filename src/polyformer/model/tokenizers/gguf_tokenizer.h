// The tokenizer that a GGUF file's metadata describe, as a tokenizer.json of the same meaning.
#pragma once

#include <string>

#include "polyformer/model/gguf/gguf_metadata.h"

namespace polyformer::model {

/// tokenizer.json's text, as Hugging Face's own conversions write it. Of "tokenizer.ggml.model" these are known:
/// "gpt2", byte-level pairs whose words "tokenizer.ggml.pre" names, and "llama", SentencePiece's pairs with fallback to
/// bytes, whose order follows from the pieces' scores. Throws FormatError naming the key that is missing, out of range
/// or not supported, and for pieces that are there twice, no UTF-8 or too many.
std::string gguf_tokenizer(const GgufMetadata& metadata);

}  // namespace polyformer::model
