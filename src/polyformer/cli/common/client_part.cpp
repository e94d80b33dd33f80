#include "polyformer/cli/common/client_part.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "polyformer/cli/common/options.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/images/image_set.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/parallel.h"

namespace polyformer::cli {

namespace {

bool is_given(const TextSource& text) {
    return !text.text.empty() || !text.file.empty() || !text.ids.empty();
}

}  // namespace

void add_query_options(CLI::App& command, QuerySource& source) {
    auto* text = command.add_option("--text", source.text.text, "The text itself");
    auto* file = command.add_option("--text-file", source.text.file, "A file with the text");
    auto* ids = command.add_option("--token-ids", source.text.ids, "Token ids, for a model without a tokenizer");
    ids->check(whole_number(0, std::numeric_limits<std::int32_t>::max()));
    command
        .add_option("--image", source.images,
                    "A PNG or JPEG file of any size, for an image model; several at once with --image A --image B")
        ->allow_extra_args(false)
        ->excludes(text)
        ->excludes(file)
        ->excludes(ids);
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

ClientPart::ClientPart(std::filesystem::path folder) : folder_(std::move(folder)) {
    if (model::takes_images(folder_)) {
        image_ = model::load_image_input(folder_);
    } else {
        tokenizer_ = find_tokenizer(folder_);
    }
}

Query ClientPart::read(const QuerySource& source, std::size_t context) const {
    if (!image_) {
        require(source.images.empty(),
                "'{}' is of a language model (it has no image.json), which takes no image '{}': give a text with "
                "--text, --text-file or --token-ids",
                folder_.string(), source.images.empty() ? "" : source.images.front());
        const auto ids = read_tokens(source.text, tokenizer_, context);
        return {{model::load_embedding(folder_).embed(ids)}, {"the text"}};
    }
    require(!is_given(source.text), "'{}' is of an image model, which takes no text: give images with --image",
            folder_.string());
    require(!source.images.empty(), "give the image with --image FILE; more of them with more --image FILE");
    require_tokens(context);
    Query query{.inputs = std::vector<model::Tensor>(source.images.size()), .names = source.images};
    parallel_for(source.images.size(),
                 [&](std::size_t i) { query.inputs[i] = image_->patches(model::read_image(source.images[i])); });
    return query;
}

Query ClientPart::read(const ImageSample& sample, std::size_t context) const {
    require(image_.has_value(),
            "'{}' is of a language model (it has no image.json), and '{}' holds images: give a "
            "text with --text, --text-file or --token-ids",
            folder_.string(), sample.data.string());
    require_tokens(context);
    const model::ImageSet set = model::open_image_set(sample.data, sample.split);
    const std::vector<std::size_t> places = model::match_classes(image_->classes, set.classes(), sample.data.string());
    const std::vector<std::size_t> picked = model::picked_images(std::min(sample.images, set.size()), set.size());
    Query query{.inputs = std::vector<model::Tensor>(picked.size()), .names = {}, .labels = {}};
    for (const std::size_t index : picked) {
        query.labels.push_back(places[set.label(index)]);
        query.names.push_back(fmt::format("{} ({})", set.name(index), image_->classes[query.labels.back()]));
    }
    parallel_for(picked.size(), [&](std::size_t i) { query.inputs[i] = image_->patches(set.image(picked[i])); });
    return query;
}

void ClientPart::require_tokens(std::size_t context) const {
    require<FormatError>(image_->tokens() == context, "'{}': image.json makes {} patches, but the model takes {}",
                         folder_.string(), image_->tokens(), context);
}

void ClientPart::require_names_for(std::size_t logits) const {
    require<FormatError>(!image_ || image_->classes.size() == logits,
                         "'{}': image.json names {} classes, but the model gives {} logits: take both from the same "
                         "model",
                         folder_.string(), image_ ? image_->classes.size() : 0, logits);
}

std::string ClientPart::name_of(std::size_t logit) const {
    if (image_) return image_->classes.at(logit);
    return tokenizer_ ? tokenizer_->piece(static_cast<std::int32_t>(logit)) : fmt::format("#{}", logit);
}

}  // namespace polyformer::cli
