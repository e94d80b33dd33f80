// random-model: models to try things on.
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/builders/random_decoder.h"
#include "polyformer/model/builders/random_encoder.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/model/images/image_input.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"

namespace polyformer::cli {

namespace {

constexpr std::uint64_t kMaxDegree = 255;
constexpr std::uint64_t kMaxImageSize = 4096;

struct RandomModelCommandOptions {
    model::RandomModelOptions shape;
    std::string norm = "layer";
    std::string encoder;  ///< what it gives; empty: a language model
    std::string decoder;  ///< its family; empty: one without softmax
    std::size_t key_heads = 0;
    std::size_t prefix = 2;
    std::size_t exp_degree = 31;
    std::size_t reciprocal_degree = 31;
    std::size_t image_size = 0;  ///< 0: a language model
    std::size_t patch = 4;
    std::size_t classes = 10;
    std::size_t window = 0;
    std::string out;
};

std::size_t write_random_language_model(const RandomModelCommandOptions& options, const FolderWriter& folder) {
    model::RandomModelOptions shape = options.shape;
    if (options.norm == "rms") shape.norm = model::NormKind::rms_norm;
    if (options.norm == "batch") shape.norm = model::NormKind::batch_norm;
    const model::Transformer transformer = model::random_model(shape);
    model::save_graph(transformer.graph, folder.path());
    model::save_embedding(transformer.embedding, folder.path());
    return transformer.graph.nodes.size();
}

std::size_t write_random_encoder(const RandomModelCommandOptions& options, const FolderWriter& folder) {
    const model::RandomModelOptions& shape = options.shape;
    const model::RandomEncoderOptions encoder{.layers = shape.layers,
                                              .width = shape.width,
                                              .heads = shape.heads,
                                              .context = shape.context,
                                              .feed_forward = shape.feed_forward,
                                              .vocabulary = shape.vocabulary,
                                              .output = options.encoder == "embedding" ? model::EncoderOutput::embedding
                                                        : options.encoder == "classes" ? model::EncoderOutput::classes
                                                                                       : model::EncoderOutput::tokens,
                                              .seed = shape.seed,
                                              .exp_degree = options.exp_degree,
                                              .reciprocal_degree = options.reciprocal_degree,
                                              .gelu_degree = shape.activation_degree,
                                              .inverse_sqrt_degree = shape.inverse_sqrt_degree};
    const model::Transformer transformer = model::random_encoder(encoder);
    model::TextInput input;
    input.output = options.encoder == "embedding" ? model::TextOutput::embedding
                   : options.encoder == "classes" ? model::TextOutput::classes
                                                  : model::TextOutput::tokens;
    for (std::size_t i = 0; input.output == model::TextOutput::classes && i < shape.vocabulary; ++i) {
        input.labels.push_back(fmt::format("class {}", i));
    }
    model::save_graph(transformer.graph, folder.path());
    model::save_embedding(transformer.embedding, folder.path());
    model::save_text_input(input, folder.path());
    return transformer.graph.nodes.size();
}

std::size_t write_random_decoder(const RandomModelCommandOptions& options, const FolderWriter& folder) {
    const model::RandomModelOptions& shape = options.shape;
    const model::Transformer transformer =
        model::random_decoder({.layers = shape.layers,
                               .width = shape.width,
                               .heads = shape.heads,
                               .key_heads = options.key_heads == 0 ? shape.heads : options.key_heads,
                               .context = shape.context,
                               .feed_forward = shape.feed_forward,
                               .vocabulary = shape.vocabulary,
                               .prefix = options.prefix,
                               .seed = shape.seed,
                               .exp_degree = options.exp_degree,
                               .reciprocal_degree = options.reciprocal_degree,
                               .silu_degree = shape.activation_degree,
                               .inverse_sqrt_degree = shape.inverse_sqrt_degree});
    model::save_graph(transformer.graph, folder.path());
    model::save_embedding(transformer.embedding, folder.path());
    return transformer.graph.nodes.size();
}

std::size_t write_random_image_model(const RandomModelCommandOptions& options, const FolderWriter& folder) {
    const model::RandomModelOptions& shape = options.shape;
    const std::size_t side = options.image_size / options.patch;
    model::RandomVisionOptions vision{
        .rows = side,
        .columns = side,
        .stages = {{.layers = shape.layers, .width = shape.width, .heads = shape.heads, .window = options.window}},
        .features = 3 * options.patch * options.patch,
        .classes = options.classes,
        .seed = shape.seed,
        .attention_function = shape.attention_function,
        .feed_forward_function = shape.feed_forward_function,
        .activation_degree = shape.activation_degree};
    model::ImageInput input{.height = options.image_size,
                            .width = options.image_size,
                            .patch = options.patch,
                            .kernel = options.patch,
                            .blocks = model::token_blocks(model::random_vision_weights(vision)),
                            .classes = {}};
    for (std::size_t i = 0; i < options.classes; ++i) input.classes.push_back(fmt::format("class {}", i));
    const model::Graph graph = model::random_vision_model(vision);
    model::save_graph(graph, folder.path());
    model::save_image_input(input, folder.path());
    return graph.nodes.size();
}

void require_patches(const RandomModelCommandOptions& options) {
    require(options.image_size % options.patch == 0, "patches of {} do not divide images of {}: choose sides that do",
            options.patch, options.image_size);
    const std::size_t side = options.image_size / options.patch;
    require(side * side <= model::kMaxContext,
            "images of {0} × {0} in patches of {1} make {2} tokens, more than the {3} that a model can have: take "
            "larger patches or smaller images",
            options.image_size, options.patch, side * side, model::kMaxContext);
}

/// What a model of this shape holds while it is made: weights in double precision, once as drawn and once in a graph,
/// and what a calibration computes.
std::size_t bytes_of(const RandomModelCommandOptions& options) {
    const auto number = [](std::size_t count) { return static_cast<double>(count); };
    const model::RandomModelOptions& shape = options.shape;
    const double width = number(shape.width);
    const bool images = options.image_size > 0;
    const double hidden = images ? 4 * width : number(shape.feed_forward);
    const double tokens =
        images ? std::pow(number(options.image_size) / number(options.patch), 2) : number(shape.context);
    const double layers = number(shape.layers) * (4 * width * width + 2 * width * hidden);
    const double ends = 2 * width * number(images ? options.classes : shape.vocabulary) + tokens * width;
    const double computed = tokens * (tokens * number(shape.heads) + width + hidden + number(shape.vocabulary));
    return static_cast<std::size_t>(sizeof(double) * (2 * (layers + ends) + computed));
}

/// Refuses options that models of this kind lack: what is ignored in silence is not what was asked for.
void refuse(const CLI::App& command, const std::vector<const char*>& names, const char* why) {
    for (const char* name : names) require(command.get_option(name)->count() == 0, "{} is for {}", name, why);
}

void require_options_of_kind(const CLI::App& command, const RandomModelCommandOptions& options) {
    const bool images = options.image_size > 0;
    const bool softmax = !options.encoder.empty() || !options.decoder.empty();
    if (images) {
        refuse(command,
               {"--context", "--feed-forward", "--vocabulary", "--norm", "--inverse-sqrt-degree", "--encoder",
                "--decoder"},
               "a language model, and --image-size makes one of images: leave one of them out");
    } else {
        refuse(command, {"--patch", "--classes", "--window"}, "an image model, which needs --image-size");
    }
    if (softmax) {
        refuse(command, {"--norm", "--attention-function", "--feed-forward-function"},
               "a language or an image model: leave it, or --encoder and --decoder, out");
    } else {
        refuse(command, {"--exp-degree", "--reciprocal-degree"}, "a model with softmax: add --encoder or --decoder");
    }
    if (options.decoder.empty()) {
        refuse(command, {"--key-heads", "--prefix"}, "a decoder with softmax: add --decoder");
    } else {
        refuse(command, {"--encoder"}, "an encoder, and --decoder makes none: leave one of them out");
    }
}

}  // namespace

void add_random_model(CLI::App& program) {
    auto options = std::make_shared<RandomModelCommandOptions>();
    auto* command =
        program.add_subcommand("random-model", "Write a randomly initialised model of any shape, to try plans");
    command->footer(
        "Examples:\n  polyformer random-model tiny --layers 3 --width 96 --heads 3 --context 48\n"
        "  polyformer plan tiny\n"
        "  polyformer random-model encoder --encoder embedding --layers 6 --width 384 --heads 12 --context 32 "
        "--feed-forward 1536\n"
        "  polyformer random-model decoder --decoder llama --layers 30 --width 576 --heads 9 --key-heads 3 "
        "--feed-forward 1536\n"
        "  polyformer random-model images --image-size 32 --patch 4 --layers 6 --width 192 --heads 4 --classes 100");
    command->add_option("out", options->out, "The model folder to write")->required();
    model::RandomModelOptions& shape = options->shape;
    const auto add_count = [&](const char* name, std::size_t& count, std::uint64_t least, std::uint64_t most,
                               const char* description) {
        command->add_option(name, count, description)->check(whole_number(least, most))->capture_default_str();
    };
    add_count("--layers", shape.layers, 1, 1000, "Transformer blocks");
    add_count("--width", shape.width, 1, model::kMaxFeatures, "Features of the residual stream");
    add_count("--heads", shape.heads, 1, model::kMaxFeatures, "Attention heads; they divide the width");
    add_count("--context", shape.context, 1, model::kMaxContext, "Greatest number of tokens");
    add_count("--feed-forward", shape.feed_forward, 1, model::kMaxFeatures, "Hidden features of the MLP");
    add_count("--vocabulary", shape.vocabulary, 1, model::kMaxFeatures, "Token ids");
    command->add_option("--norm", options->norm, "The norms")
        ->check(CLI::IsMember({"layer", "rms", "batch"}))
        ->capture_default_str();
    command->add_option("--attention-function", shape.attention_function, "σ of the scores, such as 'gelu'")
        ->capture_default_str();
    command->add_option("--feed-forward-function", shape.feed_forward_function, "σ of the MLP")->capture_default_str();
    add_count("--activation-degree", shape.activation_degree, 1, kMaxDegree, "Of the polynomials for these two");
    add_count("--inverse-sqrt-degree", shape.inverse_sqrt_degree, 1, kMaxDegree, "Of the polynomials in norms");
    add_count("--seed", shape.seed, 0, std::numeric_limits<std::uint64_t>::max(), "Of weights and calibration");
    command
        ->add_option("--encoder", options->encoder,
                     "Make an encoder with softmax that looks both ways, norms behind sums: one 'embedding', 'classes' "
                     "of the first token, or logits of all 'tokens'")
        ->check(CLI::IsMember({"embedding", "classes", "tokens"}));
    command
        ->add_option("--decoder", options->decoder,
                     "Make a decoder with softmax, as checkpoints are imported: 'llama' has RMSNorm, rotary positions, "
                     "SwiGLU and a public prefix")
        ->check(CLI::IsMember({"llama"}));
    add_count("--key-heads", options->key_heads, 0, model::kMaxFeatures,
              "Of a decoder: heads of keys and values, which several queries share; 0: as many as heads");
    add_count("--prefix", options->prefix, 0, model::kMaxContext, "Of a decoder: tokens of the public prefix");
    add_count("--exp-degree", options->exp_degree, 1, kMaxDegree, "Of the polynomials for exp in a softmax");
    add_count("--reciprocal-degree", options->reciprocal_degree, 1, kMaxDegree, "Of those for 1/x in a softmax");
    add_count("--image-size", options->image_size, 0, kMaxImageSize,
              "Side of the images of an image model, in pixels; 0: a language model");
    add_count("--patch", options->patch, 1, kMaxImageSize, "Of an image model: side of a patch");
    add_count("--classes", options->classes, 1, model::kMaxFeatures, "Of an image model");
    add_count("--window", options->window, 0, kMaxImageSize,
              "Of an image model: side of a window of attention in patches; 0: the whole image");
    command->callback([options, command] {
        require_options_of_kind(*command, *options);
        CommandFiles().writes_folder("out", options->out).check();
        if (options->image_size > 0) require_patches(*options);
        require_memory(bytes_of(*options), "a model of this size");
        FolderWriter folder(options->out);
        const std::size_t nodes = options->image_size > 0     ? write_random_image_model(*options, folder)
                                  : !options->encoder.empty() ? write_random_encoder(*options, folder)
                                  : !options->decoder.empty() ? write_random_decoder(*options, folder)
                                                              : write_random_language_model(*options, folder);
        folder.commit();
        to_stdout("written: {} ({} nodes)\n", options->out, nodes);
    });
}

}  // namespace polyformer::cli
