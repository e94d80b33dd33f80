// Weights in few bits, as llama.cpp keeps them: blocks of values share a scale, and mostly an offset. The layouts are
// those that ggml publishes in its ggml-common.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace polyformer::model {

/// How a tensor's values are stored.
struct WeightType {
    std::uint32_t number;  ///< in the file
    const char* name;
    std::size_t values;  ///< in a block
    std::size_t bytes;   ///< of a block
    /// One block to its values; null for types that are not weights, or are not supported.
    void (*decode)(const std::byte* block, float* values);
};

/// Null for numbers that no published type has.
const WeightType* find_weight_type(std::uint32_t number);
/// "F32, F16, ...": those that can be decoded.
std::string known_weight_types();

/// Whole blocks; `values` has room for all of them.
void decode_weights(const WeightType& type, std::span<const std::byte> blocks, std::span<float> values);

}  // namespace polyformer::model
