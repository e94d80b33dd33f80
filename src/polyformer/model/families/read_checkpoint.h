// From a Hugging Face folder or a GGUF file to a graph with exact functions, and to all that the client needs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "polyformer/model/graph/graph.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/text_input.h"

namespace polyformer::model {

/// A checkpoint, imported but for its functions, which are still exact (see build_encoder()).
struct ImportedModel {
    Graph graph;
    Embedding embedding;
    TextInput text;
    std::filesystem::path tokenizer_file;  ///< tokenizer.json, or vocab.txt where there is none, or the GGUF file
    std::string family;                    ///< config.json's model_type
    std::string licence;             ///< as the folder's README.md or the GGUF file names it ("apache-2.0"); or empty
    std::vector<std::string> notes;  ///< what was decided where the folder does not say, for people
};

/// `path` is a Hugging Face folder, a GGUF file, or a folder with one (find_checkpoint()). Reads config.json and
/// sentence-transformers' settings, refuses by name what cannot be imported, and only then reads
/// weights. `context` is the graph's greatest number of tokens, special ones included; a model that predicts next
/// tokens gets room for `before` more, where a public prefix may stand. What comes out follows from modules.json where
/// there is one (an embedding), else from the architecture: ...Model (an embedding, the mean over tokens),
/// ...ForMaskedLM, ...ForPreTraining (logits of tokens), ...ForSequenceClassification (classes). Throws IoError for
/// files that are missing, FormatError naming file and field or tensor, Error for a context beyond the model's
/// positions.
ImportedModel read_checkpoint(const std::filesystem::path& path, std::size_t context, std::size_t before = 0);

}  // namespace polyformer::model
