// A GGUF file, mapped: its tensors become floats one by one, when they are asked for.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "polyformer/model/gguf/gguf_header.h"
#include "polyformer/model/graph/safetensors.h"
#include "polyformer/support/system/mapped_file.h"

namespace polyformer::model {

/// Metadata and tensors.
class GgufFile {
  public:
    /// Throws IoError, or FormatError as parse_gguf() does.
    explicit GgufFile(const std::filesystem::path& path);

    const std::string& label() const { return header_.metadata.label(); }
    const GgufMetadata& metadata() const { return header_.metadata; }
    const std::map<std::string, GgufTensor>& tensors() const { return header_.tensors; }
    /// Decoded. Throws FormatError naming tensor and index for values that are not finite, Error for a name that is not
    /// there.
    FloatTensor read(const std::string& name) const;

  private:
    MappedFile file_;
    GgufHeader header_;
};

/// Whether a path names such a file: by its ending, or by its first bytes.
bool is_gguf(const std::filesystem::path& path);

}  // namespace polyformer::model
