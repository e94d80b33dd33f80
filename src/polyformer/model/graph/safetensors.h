// Named float32 arrays in one file: https://github.com/huggingface/safetensors (8 bytes of header length, a JSON
// header, the data). What we write carries a BLAKE2b-256 checksum of the data in its metadata, which reading checks
// when there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace polyformer::model {

/// Row-major array of any rank.
struct FloatTensor {
    std::vector<std::size_t> shape;
    std::vector<float> values;
};
using FloatTensors = std::map<std::string, FloatTensor>;

/// The same, owned by somebody else: what is written.
struct FloatTensorView {
    std::vector<std::size_t> shape;
    std::span<const float> values;
};
using FloatTensorViews = std::map<std::string, FloatTensorView>;

/// Reads the bytes of a whole file; `label` names it in messages. F16, BF16 and F64 become F32, the latter rounded.
/// Nothing is allocated that the bytes do not hold. Throws FormatError for whatever the format forbids (overlaps,
/// holes, duplicate names, sizes that do not add up), for other types, a wrong checksum, and values that are NaN or
/// infinite, or beyond float32, naming tensor and index.
FloatTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& label);
FloatTensors read_safetensors(const std::filesystem::path& path);

/// Writes the file atomically. Throws Error when a shape does not fit its values or a value is not finite.
void write_safetensors(const FloatTensorViews& tensors, const std::filesystem::path& path);

}  // namespace polyformer::model
