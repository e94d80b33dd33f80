// A model of texts as a whole, for use in the clear: what the server computes and what the client needs for it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/model/language/tokenizer.h"

namespace polyformer::tasks {

/// What a model's folder holds.
struct TextModel {
    model::Graph graph;
    model::Embedding embedding;
    model::TextInput input;
    model::Tokenizer tokenizer;

    /// The text's tokens, with special ones where the model has them, cut to what it takes.
    model::EncodedText encode(const std::string& text) const;
    /// These embedded: (T, width). Throws Error for a text without a token.
    model::Tensor embed(const std::string& text) const;
};

/// Throws FormatError when a file is damaged or the parts do not fit each other, Error for a model of images.
TextModel load_text_model(const std::filesystem::path& folder);

/// Whether a path is a checkpoint's, a Hugging Face folder or a GGUF file, which `polyformer import` takes, and no
/// model's. Throws as model::find_checkpoint() does.
bool is_checkpoint(const std::filesystem::path& path);

/// Such a model, or a checkpoint with its exact functions, which then takes up to `tokens` tokens of a text. Throws as
/// load_text_model() and model::read_checkpoint() do.
TextModel load_model_or_checkpoint(const std::filesystem::path& folder, std::size_t tokens);

/// Writes a folder like `like`, with the tokenizer's and the embedding's files of that one and another graph. Throws
/// IoError when it cannot be written.
void save_text_model(const std::filesystem::path& folder, const std::filesystem::path& like, const model::Graph& graph,
                     const model::TextInput& input);

}  // namespace polyformer::tasks
