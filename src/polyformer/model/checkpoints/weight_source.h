// A file with weights, whatever its format: tensors by the names that Hugging Face's models give them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/model/graph/safetensors.h"

namespace polyformer::model {

/// Reads tensors when they are asked for; the file stays mapped.
class WeightSource {
  public:
    using Shapes = std::map<std::string, std::vector<std::size_t>>;

    WeightSource() = default;
    virtual ~WeightSource() = default;
    WeightSource(const WeightSource&) = delete;
    WeightSource& operator=(const WeightSource&) = delete;
    WeightSource(WeightSource&&) = delete;
    WeightSource& operator=(WeightSource&&) = delete;

    virtual const Shapes& shapes() const = 0;
    /// Throws FormatError naming file and tensor for what cannot be read or is not finite.
    virtual FloatTensor read(const std::string& name) const = 0;
};

/// Of a safetensors or a GGUF file. Throws IoError, FormatError as SafetensorsFile, GgufFile and open_gguf_weights()
/// do, and for pickles.
std::unique_ptr<WeightSource> open_weights(const std::filesystem::path& file);

}  // namespace polyformer::model
