// plan: what can be known about a model before it runs.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/folders.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_writer.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"

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

}  // namespace polyformer::cli
