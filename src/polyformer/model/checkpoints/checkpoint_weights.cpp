#include "polyformer/model/checkpoints/checkpoint_weights.h"

#include <algorithm>
#include <utility>

#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/support/error.h"

namespace polyformer::model {

CheckpointWeights::CheckpointWeights(const std::filesystem::path& checkpoint, std::string prefix)
    : prefix_(std::move(prefix)), label_(checkpoint.string()) {
    for (const std::filesystem::path& path : find_weight_files(checkpoint)) {
        files_.push_back(open_weights(path));
        for (const auto& [name, shape] : files_.back()->shapes()) {
            require<FormatError>(places_.emplace(name, files_.size() - 1).second,
                                 "{}: the tensor '{}' is in another file of the folder too", path.string(), name);
        }
        if (files_.size() == 1) label_ = path.string();
    }
    if (files_.size() > 1) label_ = checkpoint.string();
}

const std::string* CheckpointWeights::find(const std::string& name) const {
    auto found = places_.find(prefix_ + name);
    if (found == places_.end()) found = places_.find(name);
    return found == places_.end() ? nullptr : &found->first;
}

bool CheckpointWeights::contains(const std::string& name) const {
    return find(name) != nullptr;
}

std::vector<float> CheckpointWeights::read(const std::string& name, const std::vector<std::size_t>& shape) {
    const std::string* found = find(name);
    require<FormatError>(
        found != nullptr,
        "{}: there is no tensor '{}' of shape [{}]{}: either a file is missing, or the config (config.json, "
        "or a GGUF file's metadata) is another model's",
        label_, name, fmt::join(shape, ", "),
        prefix_.empty() ? "" : fmt::format(", with '{}' before it or without", prefix_));
    const WeightSource& file = *files_[places_.at(*found)];
    const std::vector<std::size_t>& found_shape = file.shapes().at(*found);
    require<FormatError>(
        found_shape == shape,
        "{}: tensor '{}' has the shape [{}], but by the config it is [{}]: they belong to different models", label_,
        *found, fmt::join(found_shape, ", "), fmt::join(shape, ", "));
    read_.insert(*found);
    return file.read(*found).values;
}

Matrix CheckpointWeights::matrix(const std::string& name, std::size_t rows, std::size_t columns) {
    return {rows, columns, read(name, {rows, columns})};
}

std::vector<float> CheckpointWeights::tensor(const std::string& name, const std::vector<std::size_t>& shape) {
    return read(name, shape);
}

std::vector<float> CheckpointWeights::vector(const std::string& name, std::size_t size) {
    return read(name, {size});
}

LinearWeights CheckpointWeights::linear(const std::string& name, std::size_t inputs, std::size_t outputs) {
    return {transposed(matrix(name + ".weight", outputs, inputs)), vector(name + ".bias", outputs)};
}

NormWeights CheckpointWeights::norm(const std::string& name, std::size_t width) {
    const bool old = !contains(name + ".weight") && contains(name + ".gamma");
    return {vector(name + (old ? ".gamma" : ".weight"), width), vector(name + (old ? ".beta" : ".bias"), width)};
}

void CheckpointWeights::require_all_read(std::span<const std::string_view> unused) const {
    constexpr std::size_t kShown = 5;
    std::vector<std::string> left;
    for (const auto& [name, file] : places_) {
        std::string_view plain = name;
        if (plain.starts_with(prefix_)) plain.remove_prefix(prefix_.size());
        const bool expected = std::ranges::any_of(unused, [&](auto start) { return plain.starts_with(start); });
        if (!expected && !read_.contains(name)) left.push_back(name);
    }
    if (left.empty()) return;
    const std::size_t count = left.size();
    left.resize(std::min(count, kShown));
    fail<FormatError>(
        "{}: {} tensors have no place in the model that config.json describes, and leaving them out could change what "
        "it computes: '{}'{}",
        label_, count, fmt::join(left, "', '"), count > kShown ? ", ..." : "");
}

Matrix transposed(const Matrix& matrix) {
    constexpr std::size_t kBlock = 32;  // whose rows and columns stay in the cache
    Matrix result{matrix.columns, matrix.rows, std::vector<float>(matrix.values.size())};
    for (std::size_t first = 0; first < matrix.rows; first += kBlock) {
        const std::size_t end = std::min(first + kBlock, matrix.rows);
        for (std::size_t j = 0; j < matrix.columns; ++j) {
            for (std::size_t i = first; i < end; ++i) {
                result.values[j * matrix.rows + i] = matrix.values[i * matrix.columns + j];
            }
        }
    }
    return result;
}

}  // namespace polyformer::model
