// plan: what can be known about a model before it runs.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/compile/compile.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/queries/deployment.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"

namespace polyformer::cli {

namespace {

struct PlanCommandOptions {
    std::string model;
    std::string out;
    PlanChoice choice{.positions = "last"};
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
    const std::filesystem::path out = options.out;
    std::optional<queries::PlanFolders> folders;
    if (!options.out.empty()) folders.emplace(out);
    compile::Plan made = compile::compile(graph, measured_plan_options(choice, graph));
    const std::vector<compile::KeyPoint> points = compile::key_points(made);
    nlohmann::json report = to_json(made, points);
    if (options.json != "-") to_stdout("{}", describe(made, points));
    if (options.depth_budget) {
        const auto budget = compile::depth_budget(graph, made.options);
        report["depth_budget"] = to_json(budget);
        if (options.json != "-") to_stdout("\n{}", describe(budget, compile::layers_of(graph)));
    }
    write_json(report, options.json);
    if (options.out.empty()) return;
    folders->write(made, graph, folder);
    if (options.json != "-") {
        to_stdout("\nwritten: {} for the server, {} for clients\n", queries::PlanFolders::server_in(out).string(),
                  queries::PlanFolders::client_in(out).string());
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
        "  polyformer plan models/wikitext-small --keys small --out plan   # keys that are soon uploaded\n"
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
