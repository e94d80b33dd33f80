// How a text becomes tokens, and what the model makes of them: beside the embedding, the client's part of a model of
// texts, as image_input.h is of a model of images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace polyformer::model {

/// What a model gives for a text.
enum class TextOutput {
    next_token,  ///< logits of the token that comes next, a row for each token or one for the last
    tokens,      ///< a masked language model: logits of what stands at each token's place
    classes,     ///< one row of logits, one for each label
    embedding,   ///< one row: the text as a vector
    documents,   ///< one row: how well each document of an index answers the text, a score for each label
};

/// "next_token", "tokens", "classes", "embedding", "documents".
std::string name_of(TextOutput output);

/// Folders without text.json have one of the default values.
struct TextInput {
    /// The tokenizer's file beside it: "tokenizer.model" (SentencePiece) or "tokenizer.json" (Hugging Face).
    std::string tokenizer = "tokenizer.model";
    /// Whether the special tokens that the tokenizer's post-processor adds, as [CLS] and [SEP], are added.
    bool special_tokens = false;
    /// A longer text is cut to so many tokens, special ones included; 0: it is refused.
    std::size_t most_tokens = 0;
    TextOutput output = TextOutput::next_token;
    /// Of an embedding: whether the client divides it by its Euclidean length.
    bool normalise = false;
    /// Of classes and documents: what they are called, in the order of the logits. Documents may share a title.
    std::vector<std::string> labels;
    /// Of a model that predicts the next token: tokens that stand before every text and that the model has read already
    /// (their keys and values are constants of the graph). Nobody sends them. The tokenizer's own special tokens are
    /// not added then: the first of these is its mark of beginning.
    std::vector<std::int32_t> prefix = {};

    /// Whether a text's tokens are those that the tokenizer puts around it, too.
    bool adds_special_tokens() const { return special_tokens && prefix.empty(); }
};

/// Throws Error naming the value that is out of range or does not fit the others.
void validate(const TextInput& input);

/// text.json in a model's folder.
inline constexpr const char* text_input_file = "text.json";
/// `directory` must exist. Throws as validate() does, IoError when the file cannot be written.
void save_text_input(const TextInput& input, const std::filesystem::path& directory);
/// Throws FormatError naming `label`, the key, what was expected and what was found.
TextInput text_input_from_json(std::string_view text, const std::string& label);
/// The same from the folder's file, which must be its own (support/folders/manifest.h); the default where there is
/// none. Throws FormatError also for one that the manifest lists and that is missing.
TextInput load_text_input(const std::filesystem::path& directory);

}  // namespace polyformer::model
