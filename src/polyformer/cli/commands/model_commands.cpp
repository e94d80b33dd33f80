// plan and random-model: what can be known about a model, and models to try things on.
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/folders.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/model/builders/random_encoder.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/graph/limits.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"

namespace polyformer::cli {

namespace {

constexpr std::uint64_t kMaxDegree = 255;
constexpr std::uint64_t kMaxImageSize = 4096;

struct PlanCommandOptions {
    std::string model;
    std::string out;
    PlanChoice choice{"last", 0, {}};
    bool depth_budget = false;
    std::string json;
};

void plan(const PlanCommandOptions& options) {
    const std::filesystem::path folder = options.model;
    require_folder(folder, FolderKind::model);
    CommandFiles()
        .reads("model", folder)
        .writes_folder("--out", options.out)
        .writes_folder("--out", options.out.empty() ? "" : options.out + "/server",
                       {"plan.json", "graph.json", "weights.safetensors"})
        .writes_folder(
            "--out", options.out.empty() ? "" : options.out + "/client",
            {"client.json", "embedding.safetensors", "tokenizer.model", "tokenizer.json", "text.json", "image.json"})
        .writes("--json", options.json)
        .check();
    const bool takes_images = model::takes_images(folder);
    require(takes_images || options.choice.images.empty(), "--images is for image models, '{}' is none (no {})",
            options.model, model::image_input_file);
    const model::Graph graph = takes_images ? model::load_image_model(folder).graph : model::load_graph(folder);
    const ClientPart part(folder);
    part.require_fits({graph.context, graph.width, graph.vocabulary});
    PlanChoice choice = options.choice;
    if (part.output() == model::TextOutput::tokens) choice.positions = "all";
    std::optional<FolderWriter> server;
    std::optional<FolderWriter> client;
    if (!options.out.empty()) {
        server.emplace(std::filesystem::path(options.out) / "server");
        client.emplace(std::filesystem::path(options.out) / "client");
    }
    const compile::Plan made = compile::compile(graph, plan_options(choice, graph));
    nlohmann::json report = to_json(made);
    if (options.json != "-") to_stdout("{}\n{}", describe(made), describe_stretches(made));
    if (options.depth_budget) {
        const auto budget = compile::depth_budget(graph, made.options);
        report["depth_budget"] = to_json(budget);
        if (options.json != "-") to_stdout("\n{}", describe(budget, compile::layers_of(graph)));
    }
    write_json(report, options.json);
    if (options.out.empty()) return;
    compile::save_plan(made, graph, server->path());
    service::save_client_plan(service::client_plan(made), client->path());
    if (takes_images) {
        model::save_image_input(model::load_image_input(folder), client->path());
    } else {
        model::save_embedding(model::load_embedding(folder), client->path());
        const model::TextInput& text = part.text();
        if (std::filesystem::exists(folder / model::text_input_file)) model::save_text_input(text, client->path());
        if (find_tokenizer(folder, text)) {
            write_file(client->path() / text.tokenizer, read_file(folder / text.tokenizer));
        }
    }
    server->commit();
    client->commit();
    const std::filesystem::path out = options.out;
    if (options.json != "-") {
        to_stdout("\nwritten: {} for the server, {} for clients\n", (out / "server").string(),
                  (out / "client").string());
    }
}

struct RandomModelCommandOptions {
    model::RandomModelOptions shape;
    std::string norm = "layer";
    std::string encoder;  ///< what it gives; empty: a language model
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

/// Refuses options that only models without, or with, softmax have.
void require_options_of_encoders(const CLI::App& command, bool encoder) {
    const std::vector<const char*> others =
        encoder ? std::vector{"--norm", "--attention-function", "--feed-forward-function"}
                : std::vector{"--exp-degree", "--reciprocal-degree"};
    for (const char* name : others) {
        require(command.get_option(name)->count() == 0, "{} is for {}", name,
                encoder ? "a language or an image model: leave it or --encoder out" : "an encoder: add --encoder");
    }
}

/// Refuses options that a model of the other kind has: what is ignored in silence is not what was asked for.
void require_options_of_kind(const CLI::App& command, bool images) {
    const std::vector<const char*> others = images ? std::vector{"--context", "--feed-forward",        "--vocabulary",
                                                                 "--norm",    "--inverse-sqrt-degree", "--encoder"}
                                                   : std::vector{"--patch", "--classes", "--window"};
    for (const char* name : others) {
        require(command.get_option(name)->count() == 0, "{} is for {} model, {}", name,
                images ? "a language" : "an image",
                images ? "and --image-size makes one of images: leave one of them out" : "which needs --image-size");
    }
}

}  // namespace

void add_plan(CLI::App& program) {
    auto options = std::make_shared<PlanCommandOptions>();
    auto* command = program.add_subcommand("plan", "Say what encrypted inference of a model will take, before it runs");
    command->footer(
        "Examples:\n  polyformer plan models/wikitext-small\n"
        "  polyformer plan models/wikitext-small --positions all --out plan\n"
        "  polyformer plan models/wikitext-small --depth-budget\n"
        "  polyformer plan models/cifar100-vit --images most   # as many images in a ciphertext as it has room for");
    command->add_option("model", options->model, "The model folder")->required();
    add_plan_choice(*command, options->choice);
    command->add_option("--out", options->out, "Also write the plan: OUT/server and OUT/client");
    command->add_flag("--depth-budget", options->depth_budget,
                      "Also say what polynomials of other depths would cost in bootstraps and time");
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { plan(*options); });
}

void add_random_model(CLI::App& program) {
    auto options = std::make_shared<RandomModelCommandOptions>();
    auto* command =
        program.add_subcommand("random-model", "Write a randomly initialised model of any shape, to try plans");
    command->footer(
        "Examples:\n  polyformer random-model tiny --layers 3 --width 96 --heads 3 --context 48\n"
        "  polyformer plan tiny\n"
        "  polyformer random-model encoder --encoder embedding --layers 6 --width 384 --heads 12 --context 32 "
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
    add_count("--exp-degree", options->exp_degree, 1, kMaxDegree, "Of an encoder's polynomials for exp");
    add_count("--reciprocal-degree", options->reciprocal_degree, 1, kMaxDegree, "Of an encoder's, for 1/x");
    add_count("--image-size", options->image_size, 0, kMaxImageSize,
              "Side of the images of an image model, in pixels; 0: a language model");
    add_count("--patch", options->patch, 1, kMaxImageSize, "Of an image model: side of a patch");
    add_count("--classes", options->classes, 1, model::kMaxFeatures, "Of an image model");
    add_count("--window", options->window, 0, kMaxImageSize,
              "Of an image model: side of a window of attention in patches; 0: the whole image");
    command->callback([options, command] {
        require_options_of_kind(*command, options->image_size > 0);
        require_options_of_encoders(*command, !options->encoder.empty());
        CommandFiles().writes_folder("out", options->out).check();
        if (options->image_size > 0) require_patches(*options);
        require_memory(bytes_of(*options), "a model of this size");
        FolderWriter folder(options->out);
        const std::size_t nodes = options->image_size > 0     ? write_random_image_model(*options, folder)
                                  : !options->encoder.empty() ? write_random_encoder(*options, folder)
                                                              : write_random_language_model(*options, folder);
        folder.commit();
        to_stdout("written: {} ({} nodes)\n", options->out, nodes);
    });
}

}  // namespace polyformer::cli
