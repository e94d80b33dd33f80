#include "polyformer/model/language/embedding.h"

#include <cmath>
#include <numeric>

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
    if (!embedding.positions.values.empty() || embedding.positions.rows > 0) {
        check_table(embedding.positions, "positions", kMaxContext);
        require(embedding.tokens.columns == embedding.positions.columns,
                "the embedding's tokens have {} features, its positions {}; both must have the model's width",
                embedding.tokens.columns, embedding.positions.columns);
    }
    if (!embedding.norm) return;
    const EmbeddingNorm& norm = *embedding.norm;
    require(norm.gamma.size() == embedding.tokens.columns && norm.beta.size() == embedding.tokens.columns,
            "the embedding has {} features, its norm {} values of gamma and {} of beta", embedding.tokens.columns,
            norm.gamma.size(), norm.beta.size());
    // Without it the features of a constant row would be divided by 0.
    require(norm.epsilon > 0 && norm.epsilon <= 1, "the epsilon of the embedding's norm is {}, outside 0 to 1",
            norm.epsilon);
}

void normalise(std::span<double> row, const EmbeddingNorm& norm) {
    const auto width = static_cast<double>(row.size());
    const double mean = std::accumulate(row.begin(), row.end(), 0.0) / width;
    double squares = 0;
    for (const double value : row) squares += (value - mean) * (value - mean);
    const double scale = 1 / std::sqrt(squares / width + static_cast<double>(norm.epsilon));
    for (std::size_t j = 0; j < row.size(); ++j) {
        row[j] = (row[j] - mean) * scale * static_cast<double>(norm.gamma[j]) + static_cast<double>(norm.beta[j]);
    }
}

}  // namespace

std::size_t Embedding::places() const {
    return positions.values.empty() ? kMaxContext : positions.rows;
}

Tensor Embedding::embed(std::span<const std::int32_t> ids) const {
    require(!ids.empty() && ids.size() <= places(),
            "{} tokens do not fit a context of 1 to {}: give a shorter text, or a model with a longer context",
            ids.size(), places());
    Tensor result{ids.size(), tokens.columns, {}};
    result.values.reserve(result.rows * result.columns);
    for (std::size_t t = 0; t < ids.size(); ++t) {
        require(ids[t] >= 0 && static_cast<std::size_t>(ids[t]) < tokens.rows,
                "token {} has the id {}, but the vocabulary is 0 to {}; do tokenizer and model belong together?", t,
                ids[t], tokens.rows - 1);
        const float* token = &tokens.values[static_cast<std::size_t>(ids[t]) * tokens.columns];
        for (std::size_t j = 0; j < tokens.columns; ++j) {
            const double position =
                positions.values.empty() ? 0 : static_cast<double>(positions.values[t * tokens.columns + j]);
            result.values.push_back(static_cast<double>(token[j]) + position);
        }
        if (norm) normalise(std::span(result.values).last(tokens.columns), *norm);
    }
    return result;
}

void save_embedding(const Embedding& embedding, const std::filesystem::path& directory) {
    check_embedding(embedding);
    make_directory(directory);
    const auto view = [](const Matrix& matrix) {
        return FloatTensorView{{matrix.rows, matrix.columns}, matrix.values};
    };
    FloatTensorViews tensors{{"tokens", view(embedding.tokens)}};
    if (!embedding.positions.values.empty()) tensors["positions"] = view(embedding.positions);
    if (embedding.norm) {
        tensors["norm.gamma"] = {{embedding.norm->gamma.size()}, embedding.norm->gamma};
        tensors["norm.beta"] = {{embedding.norm->beta.size()}, embedding.norm->beta};
        tensors["norm.epsilon"] = {{1}, {&embedding.norm->epsilon, 1}};
    }
    write_safetensors(tensors, directory / kEmbeddingFile);
}

Embedding load_embedding(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / kEmbeddingFile;
    require_own_file(file);
    FloatTensors tensors = read_safetensors(file);
    const auto tensor = [&](const char* name, std::size_t dimensions) -> FloatTensor& {
        const auto found = tensors.find(name);
        require<FormatError>(found != tensors.end(), "'{}' lacks the tensor '{}'", file.string(), name);
        require<FormatError>(found->second.shape.size() == dimensions,
                             "'{}': the tensor '{}' has {} dimensions, not {}", file.string(), name,
                             found->second.shape.size(), dimensions);
        return found->second;
    };
    const auto matrix = [&](const char* name) {
        FloatTensor& found = tensor(name, 2);
        return Matrix{found.shape[0], found.shape[1], std::move(found.values)};
    };
    Embedding embedding{.tokens = matrix("tokens"), .positions = {}};
    std::size_t known = 1;
    if (tensors.contains("positions")) {
        embedding.positions = matrix("positions");
        ++known;
    }
    if (tensors.contains("norm.gamma")) {
        const std::vector<float>& epsilon = tensor("norm.epsilon", 1).values;
        require<FormatError>(epsilon.size() == 1, "'{}': 'norm.epsilon' holds {} values, not one", file.string(),
                             epsilon.size());
        embedding.norm = EmbeddingNorm{.gamma = std::move(tensor("norm.gamma", 1).values),
                                       .beta = std::move(tensor("norm.beta", 1).values),
                                       .epsilon = epsilon.front()};
        known += 3;
    }
    require<FormatError>(tensors.size() == known,
                         "'{}' holds {} tensors: it must hold 'tokens', may hold 'positions', 'norm.gamma', "
                         "'norm.beta' and 'norm.epsilon', and no others",
                         file.string(), tensors.size());
    try {
        check_embedding(embedding);
    } catch (const Error& error) {
        throw FormatError(fmt::format("'{}': {}", file.string(), error.what()));
    }
    return embedding;
}

}  // namespace polyformer::model
