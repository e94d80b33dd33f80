// What the tests of model/ share: where the golden files are, a scratch directory, and how to check a message.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "polyformer/model/builders/transformer_builder.h"
#include "polyformer/model/graph/graph.h"
#include "polyformer/model/graph/safetensors.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::model {

inline const std::filesystem::path kGolden = std::filesystem::path(POLYFORMER_TEST_DATA) / "golden";

/// Weights that a script wrote unfolded.
class GoldenTensors {
  public:
    explicit GoldenTensors(const std::filesystem::path& file) : tensors_(read_safetensors(file)) {}

    bool contains(const std::string& name) const { return tensors_.contains(name); }
    const std::vector<float>& vector(const std::string& name) const { return tensors_.at(name).values; }
    Matrix matrix(const std::string& name) const {
        const FloatTensor& tensor = tensors_.at(name);
        return {tensor.shape.at(0), tensor.shape.at(1), tensor.values};
    }
    LinearWeights linear(const std::string& name) const { return {matrix(name + ".weight"), vector(name + ".bias")}; }
    NormWeights norm(const std::string& name) const { return {vector(name + ".gamma"), vector(name + ".beta")}; }

  private:
    FloatTensors tensors_;
};

inline Polynomial golden_polynomial(const nlohmann::json& json) {
    return {json["lower"], json["upper"], json["chebyshev"]};
}

inline nlohmann::json golden_json(const char* name) {
    return nlohmann::json::parse(read_file(kGolden / name));
}

/// A directory that lasts as long as the test.
class ScratchDirectory {
  public:
    ScratchDirectory()
        : path_(std::filesystem::temp_directory_path() /
                fmt::format("polyformer-model-test-{:016x}", std::random_device{}() * 0x9e3779b97f4a7c15U)) {
        std::filesystem::create_directories(path_);
    }
    ~ScratchDirectory() { std::filesystem::remove_all(path_); }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ScratchDirectory(ScratchDirectory&&) = delete;
    ScratchDirectory& operator=(ScratchDirectory&&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// Expects `action` to throw exactly an `E` whose message holds every one of `parts`.
template <class E, class Action>
void expect_error(const Action& action, const std::vector<std::string>& parts) {
    try {
        action();
    } catch (const E& error) {
        for (const std::string& part : parts) EXPECT_THAT(error.what(), testing::HasSubstr(part));
        return;
    } catch (const std::exception& error) {
        FAIL() << "another kind of error: " << error.what();
    }
    FAIL() << "no error, but one was expected that says: " << testing::PrintToString(parts);
}

/// Adds a node.
void append(Graph& graph, const char* name, Operation operation, double bound = 1);

/// 1 for every key that a query may see: (heads·context, context).
Matrix unit_mask(std::size_t heads, std::size_t context, bool causal);

/// x → 2x + 1 → its square, through an Apply, for two features and a context of 3.
Graph small_graph();

}  // namespace polyformer::model
