#include "polyformer/cli/common/client_part.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "polyformer/cli/common/options.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/images/image_set.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::cli {

void add_query_options(CLI::App& command, QuerySource& source, CLI::Option* needed) {
    auto* text = command.add_option("--text", source.text.text, "The text itself");
    auto* file =
        command.add_option("--text-file", source.text.file, "A file with the text, in UTF-8; '-': standard input");
    auto* ids = command.add_option("--token-ids", source.text.ids, "Token ids, for a model without a tokenizer");
    ids->check(whole_number(0, std::numeric_limits<std::int32_t>::max()));
    auto* end = command.add_flag("--context-end", source.text.context_end,
                                 "Of a text longer than the model's context take the end");
    auto* image = command.add_option(
        "--image", source.images,
        "A PNG, JPEG or WebP file of any size, for an image model; several at once with --image A --image B");
    image->allow_extra_args(false)->excludes(text)->excludes(file)->excludes(ids)->excludes(end);
    if (needed == nullptr) return;
    for (CLI::Option* option : {text, file, ids, end, image}) option->needs(needed);
}

void add_sample_options(CLI::App& command, ImageSample& sample) {
    auto* data = command.add_option("--data", sample.data,
                                    "A folder of labelled images, as 'polyformer data' makes it: some of them, drawn "
                                    "at random, the same every time");
    for (const char* other : {"--text", "--text-file", "--token-ids", "--image"}) {
        data->excludes(command.get_option(other));
    }
    command.add_option("--split", sample.split, "Split of --data: train, valid or test")
        ->check(CLI::IsMember({"train", "valid", "test"}))
        ->capture_default_str()
        ->needs(data);
    command.add_option("--most-images", sample.images, "How many images of --data")
        ->check(whole_number(1, 1 << 20))
        ->capture_default_str()
        ->needs(data);
}

void print_note(const Query& query) {
    if (!query.note.empty()) to_stderr("note: {}\n", query.note);
}

ClientPart::ClientPart(std::filesystem::path folder) : folder_(std::move(folder)) {
    if (model::takes_images(folder_)) {
        image_ = model::load_image_input(folder_);
    } else {
        tokenizer_ = find_tokenizer(folder_);
    }
}

Query ClientPart::read(const QuerySource& source, const ModelShape& model) const {
    if (!image_) {
        require(source.images.empty(),
                "'{}' is of a language model (it has no image.json), which takes no image '{}': give a text with "
                "--text, --text-file or --token-ids",
                folder_.string(), source.images.empty() ? "" : source.images.front());
        require_names_for(model.vocabulary);
        const Tokens tokens = read_tokens(source.text, tokenizer_, model.context);
        Query query{.inputs = {load_embedding_for(model).embed(tokens.ids)}, .names = {"the text"}};
        if (tokens.left_out > 0) {
            query.note = fmt::format("the last {} tokens of the text are taken, the first {} left out",
                                     tokens.ids.size(), tokens.left_out);
        }
        return query;
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

model::Embedding ClientPart::load_embedding_for(const ModelShape& model) const {
    model::Embedding embedding = model::load_embedding(folder_);
    require<FormatError>(embedding.tokens.rows == model.vocabulary && embedding.tokens.columns == model.width &&
                             embedding.positions.rows == model.context,
                         "'{}': the embedding is of {} tokens, {} features and a context of {}, but the model has {}, "
                         "{} and {}: take both from the same model",
                         folder_.string(), embedding.tokens.rows, embedding.tokens.columns, embedding.positions.rows,
                         model.vocabulary, model.width, model.context);
    return embedding;
}

void ClientPart::require_fits(const ModelShape& model) const {
    require_names_for(model.vocabulary);
    if (!image_) {
        load_embedding_for(model);
        return;
    }
    require<FormatError>(image_->tokens() == model.context && image_->features() == model.width,
                         "'{}': image.json makes {} patches of {} features, but the model takes {} of {}: take both "
                         "from the same model",
                         folder_.string(), image_->tokens(), image_->features(), model.context, model.width);
}

void ClientPart::require_names_for(std::size_t logits) const {
    if (image_) {
        require<FormatError>(image_->classes.size() == logits,
                             "'{}': image.json names {} classes, but the model gives {} logits: take both from the "
                             "same model",
                             folder_.string(), image_->classes.size(), logits);
    } else if (tokenizer_) {
        require<FormatError>(tokenizer_->vocabulary() == logits,
                             "'{}': tokenizer.model knows {} tokens, but the model has a vocabulary of {}: take both "
                             "from the same model",
                             folder_.string(), tokenizer_->vocabulary(), logits);
    }
}

std::string ClientPart::name_of(std::size_t logit) const {
    if (image_) return image_->classes.at(logit);
    return tokenizer_ ? tokenizer_->piece(static_cast<std::int32_t>(logit)) : fmt::format("#{}", logit);
}

}  // namespace polyformer::cli
