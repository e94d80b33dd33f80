#include "polyformer/model/gguf/quantised_blocks.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "polyformer/model/gguf/block_bytes.h"
#include "polyformer/model/gguf/k_quants.h"

namespace polyformer::model {

namespace {

constexpr std::size_t kBlock = 32;  // values

void decode_f32(const std::byte* block, float* values) {
    *values = number_at<float>(block);
}

void decode_f16(const std::byte* block, float* values) {
    *values = half_at(block);
}

void decode_bf16(const std::byte* block, float* values) {
    *values = float_of_bfloat16(number_at<std::uint16_t>(block));
}

/// Sixteen bytes hold the lower four bits of the block's first half, and above them those of the second.
int nibble(const std::byte* bits, std::size_t i) {
    return byte_at(bits + i % 16) >> (i < 16 ? 0 : 4) & 15;
}

int nibble_and_bit(const std::byte* high, const std::byte* bits, std::size_t i) {
    return nibble(bits, i) | static_cast<int>(number_at<std::uint32_t>(high) >> i & 1U) << 4;
}

void decode_q4_0(const std::byte* block, float* values) {
    const float scale = half_at(block);
    for (std::size_t i = 0; i < kBlock; ++i) values[i] = scale * static_cast<float>(nibble(block + 2, i) - 8);
}

void decode_q4_1(const std::byte* block, float* values) {
    const float scale = half_at(block);
    const float offset = half_at(block + 2);
    for (std::size_t i = 0; i < kBlock; ++i) values[i] = scale * static_cast<float>(nibble(block + 4, i)) + offset;
}

void decode_q5_0(const std::byte* block, float* values) {
    const float scale = half_at(block);
    for (std::size_t i = 0; i < kBlock; ++i) {
        values[i] = scale * static_cast<float>(nibble_and_bit(block + 2, block + 6, i) - 16);
    }
}

void decode_q5_1(const std::byte* block, float* values) {
    const float scale = half_at(block);
    const float offset = half_at(block + 2);
    for (std::size_t i = 0; i < kBlock; ++i) {
        values[i] = scale * static_cast<float>(nibble_and_bit(block + 4, block + 8, i)) + offset;
    }
}

void decode_q8_0(const std::byte* block, float* values) {
    const float scale = half_at(block);
    for (std::size_t i = 0; i < kBlock; ++i) {
        values[i] = scale * static_cast<float>(number_at<std::int8_t>(block + 2 + i));
    }
}

/// A type that has a name, for messages.
constexpr WeightType unknown(std::uint32_t number, const char* name) {
    return {number, name, 1, 1, nullptr};
}

constexpr std::array types = {WeightType{0, "F32", 1, 4, decode_f32},
                              WeightType{1, "F16", 1, 2, decode_f16},
                              WeightType{30, "BF16", 1, 2, decode_bf16},
                              WeightType{2, "Q4_0", kBlock, 18, decode_q4_0},
                              WeightType{3, "Q4_1", kBlock, 20, decode_q4_1},
                              WeightType{6, "Q5_0", kBlock, 22, decode_q5_0},
                              WeightType{7, "Q5_1", kBlock, 24, decode_q5_1},
                              WeightType{8, "Q8_0", kBlock, 34, decode_q8_0},
                              WeightType{10, "Q2_K", kSuperBlock, 84, decode_q2_k},
                              WeightType{11, "Q3_K", kSuperBlock, 110, decode_q3_k},
                              WeightType{12, "Q4_K", kSuperBlock, 144, decode_q4_k},
                              WeightType{13, "Q5_K", kSuperBlock, 176, decode_q5_k},
                              WeightType{14, "Q6_K", kSuperBlock, 210, decode_q6_k},
                              unknown(9, "Q8_1"),
                              unknown(15, "Q8_K"),
                              unknown(16, "IQ2_XXS"),
                              unknown(17, "IQ2_XS"),
                              unknown(18, "IQ3_XXS"),
                              unknown(19, "IQ1_S"),
                              unknown(20, "IQ4_NL"),
                              unknown(21, "IQ3_S"),
                              unknown(22, "IQ2_S"),
                              unknown(23, "IQ4_XS"),
                              unknown(24, "I8"),
                              unknown(25, "I16"),
                              unknown(26, "I32"),
                              unknown(27, "I64"),
                              unknown(28, "F64"),
                              unknown(29, "IQ1_M"),
                              unknown(34, "TQ1_0"),
                              unknown(35, "TQ2_0"),
                              unknown(39, "MXFP4")};

}  // namespace

const WeightType* find_weight_type(std::uint32_t number) {
    const auto* found = std::ranges::find(types, number, &WeightType::number);
    return found == types.end() ? nullptr : found;
}

std::string known_weight_types() {
    std::string names;
    for (const WeightType& type : types) {
        if (type.decode != nullptr) names += (names.empty() ? "" : ", ") + std::string(type.name);
    }
    return names;
}

void decode_weights(const WeightType& type, std::span<const std::byte> blocks, std::span<float> values) {
    const std::size_t count = blocks.size() / type.bytes;
    for (std::size_t i = 0; i < count; ++i) type.decode(&blocks[i * type.bytes], &values[i * type.values]);
}

}  // namespace polyformer::model
