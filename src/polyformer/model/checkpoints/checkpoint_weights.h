// The weights of a Hugging Face folder, or of a GGUF file, by name: each is asked for with the shape that the config
// gives it, and whatever nobody asked for is named.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/checkpoints/weight_source.h"
#include "polyformer/model/graph/graph.h"

namespace polyformer::model {

/// Reads tensors when they are asked for; the files stay mapped. All below throw FormatError naming file and tensor for
/// what is missing, of another shape or type, or not finite.
class CheckpointWeights {
  public:
    /// `prefix` ("bert.") may stand before any name or not: a model saved with a head has it. Throws what
    /// find_weight_files() and open_weights() do.
    CheckpointWeights(const std::filesystem::path& checkpoint, std::string prefix);

    bool contains(const std::string& name) const;

    /// (rows, columns), as the file has it.
    Matrix matrix(const std::string& name, std::size_t rows, std::size_t columns);
    std::vector<float> vector(const std::string& name, std::size_t size);
    /// Row by row, of any number of dimensions.
    std::vector<float> tensor(const std::string& name, const std::vector<std::size_t>& shape);
    /// `name`.weight, kept as (outputs, inputs) there, transposed, and `name`.bias.
    LinearWeights linear(const std::string& name, std::size_t inputs, std::size_t outputs);
    /// `name`.weight and `name`.bias; of old checkpoints `name`.gamma and `name`.beta.
    NormWeights norm(const std::string& name, std::size_t width);

    /// Throws FormatError naming the tensors that were not read, but for those whose names begin, after the prefix,
    /// with one of `unused`.
    void require_all_read(std::span<const std::string_view> unused) const;

  private:
    const std::string* find(const std::string& name) const;
    std::vector<float> read(const std::string& name, const std::vector<std::size_t>& shape);

    std::string prefix_;
    std::string label_;
    std::vector<std::unique_ptr<WeightSource>> files_;
    std::map<std::string, std::size_t> places_;  ///< which file has the tensor
    std::set<std::string> read_;
};

/// (columns, rows).
Matrix transposed(const Matrix& matrix);

}  // namespace polyformer::model
