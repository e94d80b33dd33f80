#include "polyformer/model/language/embedding.h"

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/graph/safetensors.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

namespace {

constexpr const char* kEmbeddingFile = "embedding.safetensors";

void check_table(const Matrix& table, const char* name, std::size_t most_rows) {
    require(table.rows >= 1 && table.rows <= most_rows && table.columns >= 1 && table.columns <= kMaxFeatures,
            "the embedding's {} are ({}, {}), outside 1 to {} rows of 1 to {} features", name, table.rows,
            table.columns, most_rows, kMaxFeatures);
    require(table.values.size() == table.rows * table.columns, "the embedding's {} are ({}, {}) but hold {} values",
            name, table.rows, table.columns, table.values.size());
}

void check_embedding(const Embedding& embedding) {
    check_table(embedding.tokens, "tokens", kMaxFeatures);
    check_table(embedding.positions, "positions", kMaxContext);
    require(embedding.tokens.columns == embedding.positions.columns,
            "the embedding's tokens have {} features, its positions {}; both must have the model's width",
            embedding.tokens.columns, embedding.positions.columns);
}

}  // namespace

Tensor Embedding::embed(std::span<const std::int32_t> ids) const {
    require(!ids.empty() && ids.size() <= positions.rows,
            "{} tokens do not fit a context of 1 to {}: give a shorter text, or a model with a longer context",
            ids.size(), positions.rows);
    Tensor result{ids.size(), tokens.columns, {}};
    result.values.reserve(result.rows * result.columns);
    for (std::size_t t = 0; t < ids.size(); ++t) {
        require(ids[t] >= 0 && static_cast<std::size_t>(ids[t]) < tokens.rows,
                "token {} has the id {}, but the vocabulary is 0 to {}; do tokenizer and model belong together?", t,
                ids[t], tokens.rows - 1);
        const float* token = &tokens.values[static_cast<std::size_t>(ids[t]) * tokens.columns];
        const float* position = &positions.values[t * tokens.columns];
        for (std::size_t j = 0; j < tokens.columns; ++j) {
            result.values.push_back(static_cast<double>(token[j]) + static_cast<double>(position[j]));
        }
    }
    return result;
}

void save_embedding(const Embedding& embedding, const std::filesystem::path& directory) {
    check_embedding(embedding);
    make_directory(directory);
    const auto view = [](const Matrix& matrix) {
        return FloatTensorView{{matrix.rows, matrix.columns}, matrix.values};
    };
    write_safetensors({{"positions", view(embedding.positions)}, {"tokens", view(embedding.tokens)}},
                      directory / kEmbeddingFile);
}

Embedding load_embedding(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / kEmbeddingFile;
    require_own_file(file);
    FloatTensors tensors = read_safetensors(file);
    require<FormatError>(tensors.size() == 2 && tensors.contains("tokens") && tensors.contains("positions"),
                         "'{}' must hold the tensors 'tokens' and 'positions' and no others", file.string());
    const auto matrix = [&](const char* name) {
        FloatTensor& tensor = tensors.at(name);
        require<FormatError>(tensor.shape.size() == 2, "'{}': the tensor '{}' has {} dimensions, not 2", file.string(),
                             name, tensor.shape.size());
        return Matrix{tensor.shape[0], tensor.shape[1], std::move(tensor.values)};
    };
    Embedding embedding{.tokens = matrix("tokens"), .positions = matrix("positions")};
    try {
        check_embedding(embedding);
    } catch (const Error& error) {
        throw FormatError(fmt::format("'{}': {}", file.string(), error.what()));
    }
    return embedding;
}

}  // namespace polyformer::model
