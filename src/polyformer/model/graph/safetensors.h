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

#include "polyformer/support/system/mapped_file.h"

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

/// Where a tensor lies in a file, and how its values are stored.
struct TensorPlace {
    std::string type;       ///< "F32", "BF16", "I64", ...: dtype in the format's words
    std::size_t begin = 0;  ///< in bytes of the file
    std::size_t end = 0;
};

/// Reads the bytes of a whole file; `label` names it in messages. F16, BF16 and F64 become F32, the latter rounded.
/// Nothing is allocated that the bytes do not hold. Throws FormatError for whatever the format forbids (overlaps,
/// holes, duplicate names, sizes that do not add up), for other types, a wrong checksum, and values that are NaN or
/// infinite, or beyond float32, naming tensor and index.
FloatTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& label);
FloatTensors read_safetensors(const std::filesystem::path& path);

/// A file, mapped, whose tensors are converted one by one: large ones are never in memory twice. Tensors of types that
/// parse_safetensors() refuses may lie beside those that are wanted.
class SafetensorsFile {
  public:
    using Shapes = std::map<std::string, std::vector<std::size_t>>;

    /// Reads the header. Throws IoError, or FormatError as parse_safetensors() does.
    explicit SafetensorsFile(const std::filesystem::path& path);

    /// Of every tensor in the file, whatever its type.
    const Shapes& shapes() const { return shapes_; }
    /// Throws FormatError for types and values that parse_safetensors() refuses, Error for a name that is not there.
    FloatTensor read(const std::string& name) const;

  private:
    std::string label_;
    MappedFile file_;
    Shapes shapes_;
    std::map<std::string, TensorPlace> places_;
};

/// Writes the file atomically. Throws Error when a shape does not fit its values or a value is not finite.
void write_safetensors(const FloatTensorViews& tensors, const std::filesystem::path& path);

}  // namespace polyformer::model
