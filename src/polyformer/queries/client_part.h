// The client's part of a model, of texts or of images: how they become what the model takes, and what its logits stand
// for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "polyformer/model/images/image_input.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/queries/text_source.h"

namespace polyformer::queries {

/// What a model is asked: texts, or images.
struct QuerySource {
    TextSource text;
    std::vector<std::string> images;  ///< files
};

/// Labelled images, drawn from a split of a data set.
struct ImageSample {
    std::filesystem::path data;  ///< a folder that open_image_set() knows; empty: none
    std::string split = "test";
    std::size_t images = 20;
};

/// What a model, or a plan of it, takes and gives.
struct ModelShape {
    std::size_t context = 0;     ///< most tokens
    std::size_t width = 0;       ///< of what a token is embedded as
    std::size_t vocabulary = 0;  ///< logits of a row
};

/// A text, or some images, as the model takes them.
struct Query {
    std::vector<model::Tensor> inputs;            ///< (rows, width): the embedded text, or each image's patches
    std::vector<std::string> names;               ///< of each: "the text", or the file
    std::vector<std::size_t> labels = {};         ///< of each, as the model's logits count classes; or none
    std::vector<model::EncodedText> tokens = {};  ///< of each text
    /// What was left out, for people: of a long text, or files of the data set that are no images. Or empty.
    std::string note = {};
};

/// A model's folder, or a plan's for clients, but for what the server computes.
class ClientPart {
  public:
    /// From a model's folder, or the client's folder of a plan; images where it has an image.json. Throws FormatError
    /// when a file is damaged.
    explicit ClientPart(std::filesystem::path folder);

    bool takes_images() const { return image_.has_value(); }

    /// Throws Error when the source is a text for an image model or an image for a language model, there is nothing or
    /// too much, or the text has more tokens than the context; IoError or FormatError when a file cannot be read, or is
    /// of another model.
    Query read(const QuerySource& source, const ModelShape& model) const;
    /// Throws Error for a language model; FormatError when the data set's classes are not the model's, and as
    /// open_image_set() does.
    Query read(const ImageSample& sample, const ModelShape& model) const;

    /// Throws FormatError unless texts or images become what such a model takes, and its logits have names.
    void require_fits(const ModelShape& model) const;
    /// Throws FormatError unless each of a row's logits that has to have a name has one: a class, a document, or a
    /// token where there is a tokenizer.
    void require_names_for(std::size_t logits) const;

    /// The class or the token that a logit stands for.
    std::string name_of(std::size_t logit) const;

    /// What comes out of a text; of an image model, classes.
    model::TextOutput output() const { return image_ ? model::TextOutput::classes : text_.output; }
    const model::TextInput& text() const { return text_; }
    /// How images become patches; nothing for a model of texts.
    const std::optional<model::ImageInput>& image() const { return image_; }
    /// Whether there is one row of outputs for a text or image, whatever its number of tokens.
    bool gives_one_row() const;
    /// How many special tokens stand before and behind a text.
    std::pair<std::size_t, std::size_t> special_tokens() const;
    /// Whether a token is of no text, and so its end when a model says it.
    bool ends_text(std::int32_t id) const { return tokenizer_ && tokenizer_->is_special(id); }
    /// What embeds tokens for such a model, read when it is first asked for. Throws FormatError when it is of another.
    const model::Embedding& embedding_for(const ModelShape& model) const;
    /// Tokens as the text that they are of, special ones left out; as text_of() without a tokenizer.
    std::string decode(std::span<const std::int32_t> ids) const;
    /// Tokens as text, piece by piece; "#7 #8" without a tokenizer.
    std::string text_of(std::span<const std::int32_t> ids) const;

    /// What such a name is called: "class", "word" or "document".
    const char* kind_of_name() const;
    /// "most likely class", "most likely next", "most likely token" or "best document".
    const char* heading() const;

  private:
    /// Read once, whichever thread asks first.
    struct LazyEmbedding {
        std::once_flag once;
        model::Embedding embedding;
    };

    Query read_texts(const TextSource& source, const ModelShape& model) const;

    std::filesystem::path folder_;
    std::optional<model::ImageInput> image_;
    model::TextInput text_;
    std::optional<model::Tokenizer> tokenizer_;
    std::shared_ptr<LazyEmbedding> embedding_ = std::make_shared<LazyEmbedding>();
};

}  // namespace polyformer::queries
