// config.json of a Hugging Face folder, or what a GGUF file says instead: what kind of model its weights are. Other
// programs write it, with many fields that do not matter here; those that ask for what we lack are refused by name,
// before a weight is read.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace polyformer::model {

/// What all families have in common.
struct ModelConfig {
    std::string label;         ///< the file, for messages
    nlohmann::json document;   ///< an object
    std::string model_type;    ///< "bert"
    std::string architecture;  ///< "BertForMaskedLM"; empty where none is named
    bool tied = true;          ///< whether the logits of tokens are made by the matrix that embeds them
    /// What the classes are called, in the order of the logits; empty where the config says nothing of classes.
    std::vector<std::string> labels;

    /// A whole number that must be there.
    std::size_t size(const char* key, std::size_t least, std::size_t most) const;
    /// The same, or `otherwise` where it is missing or null.
    std::size_t size(const char* key, std::size_t least, std::size_t most, std::size_t otherwise) const;
    double number(const char* key, double least, double most, double otherwise) const;
    bool flag(const char* key, bool otherwise) const;
    std::string text(const char* key, const std::string& otherwise) const;
};

/// Reads `checkpoint`/config.json, or a GGUF file's metadata (gguf_config()). Throws IoError when there is none,
/// FormatError naming the file and the field for what is no config, and for what no family here has: cross attention,
/// relative positions, pruned heads, quantised weights, code of the model's own, labels that
/// do not exclude each other.
ModelConfig read_model_config(const std::filesystem::path& checkpoint);

/// The name by which an Apply knows the activation under `key`, `otherwise` where it is missing. Throws FormatError
/// listing those that are known.
std::string activation_of(const ModelConfig& config, const char* key, const char* otherwise = "gelu");

}  // namespace polyformer::model
