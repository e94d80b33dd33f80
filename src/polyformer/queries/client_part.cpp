#include "polyformer/queries/client_part.h"

#include <algorithm>

#include "polyformer/model/graph/limits.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/images/image_set.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/cancellation.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::queries {

ClientPart::ClientPart(std::filesystem::path folder) : folder_(std::move(folder)) {
    if (model::takes_images(folder_)) {
        image_ = model::load_image_input(folder_);
    } else {
        text_ = model::load_text_input(folder_);
        tokenizer_ = find_tokenizer(folder_, text_);
    }
}

Query ClientPart::read(const QuerySource& source, const ModelShape& model) const {
    if (!image_) {
        require(source.images.empty(),
                "'{}' is of a language model (it has no image.json), which takes no image '{}': give a text with "
                "--text, --text-file or --token-ids",
                folder_.string(), source.images.empty() ? "" : source.images.front());
        return read_texts(source.text, model);
    }
    require(!source.text.given(), "'{}' is of an image model, which takes no text: give images with --image",
            folder_.string());
    require(!source.images.empty(), "give the image with --image FILE; more of them with more --image FILE");
    require_fits(model);
    Query query{.inputs = std::vector<model::Tensor>(source.images.size()), .names = source.images};
    parallel_for(source.images.size(),
                 [&](std::size_t i) { query.inputs[i] = image_->patches(model::read_image(source.images[i])); });
    return query;
}

Query ClientPart::read_texts(const TextSource& source, const ModelShape& model) const {
    require_names_for(model.vocabulary);
    Query query{.inputs = {}, .names = {}, .tokens = read_tokens(source, tokenizer_, text_, model.context)};
    const model::Embedding& embedding = embedding_for(model);
    for (std::size_t i = 0; i < query.tokens.size(); ++i) {
        throw_if_cancelled();
        const model::EncodedText& tokens = query.tokens[i];
        const bool several = query.tokens.size() > 1;
        query.inputs.push_back(embedding.embed(tokens.ids));
        query.names.push_back(several ? fmt::format("text {}", i + 1) : "the text");
        if (tokens.left_out == 0) continue;
        const std::size_t kept = tokens.ids.size() - tokens.before - tokens.after;
        query.note += fmt::format("{}the {} {} tokens of {} are taken, the {} {} left out",
                                  query.note.empty() ? "" : "; ", source.context_end ? "last" : "first", kept,
                                  query.names.back(), source.context_end ? "first" : "last", tokens.left_out);
    }
    return query;
}

Query ClientPart::read(const ImageSample& sample, const ModelShape& model) const {
    require(image_.has_value(),
            "'{}' is of a language model (it has no image.json), and '{}' holds images: give a "
            "text with --text, --text-file or --token-ids",
            folder_.string(), sample.data.string());
    require_fits(model);
    const model::ImageSet set = model::open_image_set(sample.data, sample.split);
    const std::vector<std::size_t> places = model::match_classes(image_->classes, set.classes(), sample.data.string());
    const std::vector<std::size_t> picked = model::picked_images(std::min(sample.images, set.size()), set.size());
    Query query{.inputs = std::vector<model::Tensor>(picked.size()), .names = {}, .labels = {}};
    for (const std::size_t index : picked) {
        query.labels.push_back(places[set.label(index)]);
        query.names.push_back(fmt::format("{} ({})", set.name(index), image_->classes[query.labels.back()]));
    }
    parallel_for(picked.size(), [&](std::size_t i) { query.inputs[i] = image_->patches(set.image(picked[i])); });
    query.note = describe(set.skipped());
    return query;
}

const model::Embedding& ClientPart::embedding_for(const ModelShape& model) const {
    std::call_once(embedding_->once, [&] { embedding_->embedding = model::load_embedding(folder_); });
    const model::Embedding& embedding = embedding_->embedding;
    const bool knows_tokens = text_.output == model::TextOutput::next_token
                                  ? embedding.tokens.rows == model.vocabulary
                                  : !tokenizer_ || embedding.tokens.rows >= tokenizer_->vocabulary();
    require<FormatError>(knows_tokens && embedding.tokens.columns == model.width && embedding.places() >= model.context,
                         "'{}': the embedding is of {} tokens, {} features and a context of {}, but the model has {}, "
                         "{} and {}: take both from the same model",
                         folder_.string(), embedding.tokens.rows, embedding.tokens.columns, embedding.places(),
                         model.vocabulary, model.width, model.context);
    for (const std::int32_t id : text_.prefix) {
        require<FormatError>(static_cast<std::size_t>(id) < embedding.tokens.rows,
                             "'{}': the prefix of {} has the token {}, but there are 0 to {}: take both from the same "
                             "model",
                             folder_.string(), model::text_input_file, id, embedding.tokens.rows - 1);
    }
    return embedding;
}

void ClientPart::require_fits(const ModelShape& model) const {
    require_names_for(model.vocabulary);
    if (!image_) {
        embedding_for(model);
        return;
    }
    require<FormatError>(image_->tokens() == model.context && image_->features() == model.width,
                         "'{}': image.json makes {} patches of {} features, but the model takes {} of {}: take both "
                         "from the same model",
                         folder_.string(), image_->tokens(), image_->features(), model.context, model.width);
}

void ClientPart::require_names_for(std::size_t logits) const {
    const std::vector<std::string>& names = image_ ? image_->classes : text_.labels;
    switch (output()) {
        case model::TextOutput::classes:
        case model::TextOutput::documents:
            require<FormatError>(names.size() == logits,
                                 "'{}': {} names {} {}, but the model gives {} logits: take both from the same model",
                                 folder_.string(), image_ ? model::image_input_file : model::text_input_file,
                                 names.size(), output() == model::TextOutput::classes ? "classes" : "documents",
                                 logits);
            break;
        case model::TextOutput::next_token:
        case model::TextOutput::tokens: {
            if (!tokenizer_) break;
            // The vocabulary of a checkpoint may have been rounded up; those that are trained here are not.
            const bool own = text_.tokenizer == model::TextInput().tokenizer;
            const bool rounded = !own && tokenizer_->vocabulary() < logits;
            require<FormatError>(tokenizer_->vocabulary() == logits || rounded,
                                 "'{}': {} knows {} tokens, but the model has a vocabulary of {}: take both from the "
                                 "same model",
                                 folder_.string(), text_.tokenizer, tokenizer_->vocabulary(), logits);
            break;
        }
        case model::TextOutput::embedding:
            break;
    }
}

std::string ClientPart::name_of(std::size_t logit) const {
    if (image_) return image_->classes.at(logit);
    if (!text_.labels.empty()) return text_.labels.at(logit);
    if (!tokenizer_ || logit >= tokenizer_->vocabulary()) return fmt::format("#{}", logit);
    return tokenizer_->piece(static_cast<std::int32_t>(logit));
}

bool ClientPart::gives_one_row() const {
    return output() != model::TextOutput::next_token && output() != model::TextOutput::tokens;
}

std::pair<std::size_t, std::size_t> ClientPart::special_tokens() const {
    if (!tokenizer_ || !text_.adds_special_tokens()) return {0, 0};
    const model::EncodedText none = tokenizer_->encode_whole("", model::kMaxContext);
    return {none.before, none.after};
}

std::string ClientPart::decode(std::span<const std::int32_t> ids) const {
    return tokenizer_ ? tokenizer_->decode(ids) : text_of(ids);
}

std::string ClientPart::text_of(std::span<const std::int32_t> ids) const {
    std::string text;
    for (const std::int32_t id : ids) {
        if (!tokenizer_ && !text.empty()) text += ' ';
        text += name_of(static_cast<std::size_t>(id));
    }
    return text.starts_with(' ') ? text.substr(1) : text;
}

const char* ClientPart::kind_of_name() const {
    switch (output()) {
        case model::TextOutput::classes:
            return "class";
        case model::TextOutput::documents:
            return "document";
        default:
            return "word";
    }
}

const char* ClientPart::heading() const {
    switch (output()) {
        case model::TextOutput::classes:
            return "most likely class";
        case model::TextOutput::documents:
            return "best document";
        case model::TextOutput::tokens:
            return "most likely token";
        default:
            return "most likely next";
    }
}

}  // namespace polyformer::queries
