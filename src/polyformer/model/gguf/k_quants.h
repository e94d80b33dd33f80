// The K-quants: super-blocks of 256 values whose parts of 16 or 32 have scales, themselves in 4 or 6 bits.
#pragma once

#include <cstddef>

namespace polyformer::model {

inline constexpr std::size_t kSuperBlock = 256;  ///< values

// Each turns one super-block into its values.

void decode_q2_k(const std::byte* block, float* values);  ///< of 84 bytes
void decode_q3_k(const std::byte* block, float* values);  ///< of 110
void decode_q4_k(const std::byte* block, float* values);  ///< of 144
void decode_q5_k(const std::byte* block, float* values);  ///< of 176
void decode_q6_k(const std::byte* block, float* values);  ///< of 210

}  // namespace polyformer::model
