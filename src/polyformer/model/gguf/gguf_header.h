// GGUF, the format of llama.cpp's models: metadata, a table of tensors, their data
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Everything in it may be hostile.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "polyformer/model/gguf/gguf_metadata.h"
#include "polyformer/model/gguf/quantised_blocks.h"

namespace polyformer::model {

/// Where a tensor lies in the file, whole, and how it is stored.
struct GgufTensor {
    std::vector<std::size_t> shape;    ///< rows first, the values of a row beside each other
    const WeightType* type = nullptr;  ///< one that can be decoded
    std::size_t begin = 0;             ///< in bytes of the file
    std::size_t bytes = 0;
};

/// All but the data.
struct GgufHeader {
    GgufMetadata metadata;  ///< its texts lie in the file's bytes
    std::map<std::string, GgufTensor> tensors;
};

/// Of the bytes of a whole file, versions 2 and 3, little-endian; `label` names it in messages. Nothing is allocated
/// that the bytes do not hold. Throws FormatError for what the format forbids: sizes, counts and offsets that do not
/// fit the file, keys and names that are there twice, tensors that overlap or leave holes; also for lists of lists and
/// for types of tensors that cannot be decoded.
GgufHeader parse_gguf(std::span<const std::byte> bytes, const std::string& label);

}  // namespace polyformer::model
