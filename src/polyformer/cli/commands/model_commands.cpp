// plan and random-model: what can be known about a model, and models to try things on.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/builders/random_vision_model.h"
#include "polyformer/model/builders/vision_grid.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/error.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::cli {

namespace {

struct PlanCommandOptions {
    std::string model;
    std::string out;
    PlanChoice choice{"last", 0, {}};
    bool depth_budget = false;
    std::string json;
};

void plan(const PlanCommandOptions& options) {
    const std::filesystem::path folder = options.model;
    const bool takes_images = model::takes_images(folder);
    require(takes_images || options.choice.images.empty(), "--images is for image models, '{}' is none (no {})",
            options.model, model::image_input_file);
    const model::Graph graph = takes_images ? model::load_image_model(folder).graph : model::load_graph(folder);
    const compile::Plan made = compile::compile(graph, plan_options(options.choice, graph));
    nlohmann::json report = to_json(made);
    if (options.json != "-") to_stdout("{}\n{}", describe(made), describe_stretches(made));
    if (options.depth_budget) {
        const auto budget = compile::depth_budget(graph, made.options);
        report["depth_budget"] = to_json(budget);
        if (options.json != "-") to_stdout("\n{}", describe(budget, compile::layers_of(graph)));
    }
    write_json(report, options.json);
    if (options.out.empty()) return;
    const std::filesystem::path out = options.out;
    compile::save_plan(made, graph, out / "server");
    service::save_client_plan(service::client_plan(made), out / "client");
    if (takes_images) {
        model::save_image_input(model::load_image_input(folder), out / "client");
    } else {
        model::save_embedding(model::load_embedding(folder), out / "client");
    }
    if (std::filesystem::exists(folder / "tokenizer.model")) {
        write_file(out / "client" / "tokenizer.model", read_file(folder / "tokenizer.model"));
    }
    if (options.json != "-") {
        to_stdout("\nwritten: {} for the server, {} for clients\n", (out / "server").string(),
                  (out / "client").string());
    }
}

struct RandomModelCommandOptions {
    model::RandomModelOptions shape;
    std::string norm = "layer";
    std::size_t image_size = 0;  ///< 0: a language model
    std::size_t patch = 4;
    std::size_t classes = 10;
    std::size_t window = 0;
    std::string out;
};

std::size_t write_random_language_model(const RandomModelCommandOptions& options) {
    model::RandomModelOptions shape = options.shape;
    if (options.norm == "rms") shape.norm = model::NormKind::rms_norm;
    if (options.norm == "batch") shape.norm = model::NormKind::batch_norm;
    const model::Transformer transformer = model::random_model(shape);
    model::save_graph(transformer.graph, options.out);
    model::save_embedding(transformer.embedding, options.out);
    return transformer.graph.nodes.size();
}

std::size_t write_random_image_model(const RandomModelCommandOptions& options) {
    require(options.patch >= 1 && options.image_size % options.patch == 0, "patches of {} do not divide images of {}",
            options.patch, options.image_size);
    const model::RandomModelOptions& shape = options.shape;
    model::RandomVisionOptions vision{
        .rows = options.image_size / options.patch,
        .columns = options.image_size / options.patch,
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
    model::save_graph(graph, options.out);
    model::save_image_input(input, options.out);
    return graph.nodes.size();
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
        "  polyformer random-model images --image-size 32 --patch 4 --layers 6 --width 192 --heads 4 --classes 100");
    command->add_option("out", options->out, "The model folder to write")->required();
    model::RandomModelOptions& shape = options->shape;
    command->add_option("--layers", shape.layers, "Transformer blocks")->capture_default_str();
    command->add_option("--width", shape.width, "Features of the residual stream")->capture_default_str();
    command->add_option("--heads", shape.heads, "Attention heads; they divide the width")->capture_default_str();
    command->add_option("--context", shape.context, "Greatest number of tokens")->capture_default_str();
    command->add_option("--feed-forward", shape.feed_forward, "Hidden features of the MLP")->capture_default_str();
    command->add_option("--vocabulary", shape.vocabulary, "Token ids")->capture_default_str();
    command->add_option("--norm", options->norm, "The norms")
        ->check(CLI::IsMember({"layer", "rms", "batch"}))
        ->capture_default_str();
    command->add_option("--attention-function", shape.attention_function, "σ of the scores, such as 'gelu'")
        ->capture_default_str();
    command->add_option("--feed-forward-function", shape.feed_forward_function, "σ of the MLP")->capture_default_str();
    command->add_option("--activation-degree", shape.activation_degree, "Of the polynomials for these two")
        ->capture_default_str();
    command->add_option("--inverse-sqrt-degree", shape.inverse_sqrt_degree, "Of the polynomials in norms")
        ->capture_default_str();
    command->add_option("--seed", shape.seed, "Of weights and calibration")->capture_default_str();
    command
        ->add_option("--image-size", options->image_size,
                     "Side of the images of an image model, in pixels; 0: a language model")
        ->capture_default_str();
    command->add_option("--patch", options->patch, "Of an image model: side of a patch")->capture_default_str();
    command->add_option("--classes", options->classes, "Of an image model")->capture_default_str();
    command
        ->add_option("--window", options->window,
                     "Of an image model: side of a window of attention in patches; 0: the whole image")
        ->capture_default_str();
    command->callback([options] {
        const std::size_t nodes =
            options->image_size == 0 ? write_random_language_model(*options) : write_random_image_model(*options);
        to_stdout("written: {} ({} nodes)\n", options->out, nodes);
    });
}

}  // namespace polyformer::cli
