#include "polyformer/model/gguf/k_quants.h"

#include "polyformer/model/gguf/block_bytes.h"

namespace polyformer::model {

namespace {

/// Scale and offset of a part of 32 values.
struct Part {
    float scale;
    float offset;
};

/// Of Q4_K and Q5_K: eight scales and eight offsets of 6 bits in 12 bytes; the upper bits of the last four of each lie
/// above those of the first.
Part part_of(const std::byte* scales, std::size_t index, float scale, float offset) {
    int first = 0;
    int second = 0;
    if (index < 4) {
        first = byte_at(scales + index) & 63;
        second = byte_at(scales + index + 4) & 63;
    } else {
        first = (byte_at(scales + index + 4) & 15) | (byte_at(scales + index - 4) >> 6) << 4;
        second = byte_at(scales + index + 4) >> 4 | (byte_at(scales + index) >> 6) << 4;
    }
    return {scale * static_cast<float>(first), offset * static_cast<float>(second)};
}

/// Of Q3_K: sixteen scales of 6 bits in 12 bytes, four bits of each in the first eight, two in the last four.
int scale_of_q3(const std::byte* scales, std::size_t index) {
    const int low = index < 8 ? byte_at(scales + index) & 15 : byte_at(scales + index - 8) >> 4;
    const int high = byte_at(scales + 8 + index % 4) >> (2 * (index / 4)) & 3;
    return (low | high << 4) - 32;
}

}  // namespace

void decode_q2_k(const std::byte* block, float* values) {
    const std::byte* scales = block;
    const std::byte* bits = block + 16;
    const float scale = half_at(block + 80);
    const float offset = half_at(block + 82);
    for (std::size_t i = 0; i < kSuperBlock; ++i) {
        const std::size_t half = i / 128;
        const std::size_t shift = 2 * (i % 128 / 32);
        const int part = byte_at(scales + i / 16);
        const int value = byte_at(bits + 32 * half + i % 32) >> shift & 3;
        values[i] =
            scale * static_cast<float>(part & 15) * static_cast<float>(value) - offset * static_cast<float>(part >> 4);
    }
}

void decode_q3_k(const std::byte* block, float* values) {
    const std::byte* high = block;
    const std::byte* bits = block + 32;
    const std::byte* scales = block + 96;
    const float scale = half_at(block + 108);
    for (std::size_t i = 0; i < kSuperBlock; ++i) {
        const std::size_t half = i / 128;
        const std::size_t row = i % 128 / 32;
        const int low = byte_at(bits + 32 * half + i % 32) >> (2 * row) & 3;
        const bool set = (byte_at(high + i % 32) >> (4 * half + row) & 1) != 0;
        values[i] = scale * static_cast<float>(scale_of_q3(scales, i / 16)) * static_cast<float>(set ? low : low - 4);
    }
}

void decode_q4_k(const std::byte* block, float* values) {
    const float scale = half_at(block);
    const float offset = half_at(block + 2);
    const std::byte* bits = block + 16;
    for (std::size_t i = 0; i < kSuperBlock / 32; ++i) {
        const Part part = part_of(block + 4, i, scale, offset);
        for (std::size_t j = 0; j < 32; ++j) {
            const int value = byte_at(bits + 32 * (i / 2) + j) >> (i % 2 == 0 ? 0 : 4) & 15;
            *values++ = part.scale * static_cast<float>(value) - part.offset;
        }
    }
}

void decode_q5_k(const std::byte* block, float* values) {
    const float scale = half_at(block);
    const float offset = half_at(block + 2);
    const std::byte* high = block + 16;
    const std::byte* bits = block + 48;
    for (std::size_t i = 0; i < kSuperBlock / 32; ++i) {
        const Part part = part_of(block + 4, i, scale, offset);
        for (std::size_t j = 0; j < 32; ++j) {
            const int low = byte_at(bits + 32 * (i / 2) + j) >> (i % 2 == 0 ? 0 : 4) & 15;
            const int value = low | (byte_at(high + j) >> i & 1) << 4;
            *values++ = part.scale * static_cast<float>(value) - part.offset;
        }
    }
}

void decode_q6_k(const std::byte* block, float* values) {
    const std::byte* low = block;
    const std::byte* high = block + 128;
    const std::byte* scales = block + 192;
    const float scale = half_at(block + 208);
    for (std::size_t i = 0; i < kSuperBlock; ++i) {
        const std::size_t half = i / 128;
        const std::size_t row = i % 128 / 32;
        const int four = byte_at(low + 64 * half + 32 * (row % 2) + i % 32) >> (row < 2 ? 0 : 4) & 15;
        const int two = byte_at(high + 32 * half + i % 32) >> (2 * row) & 3;
        const auto part = static_cast<float>(number_at<std::int8_t>(scales + i / 16));
        values[i] = scale * part * static_cast<float>((four | two << 4) - 32);
    }
}

}  // namespace polyformer::model
