// 6. From graph to plan: what encrypted inference will do and take, known before a key exists.
//
// The compiler turns a graph into steps on ciphertexts: it packs tokens and features into slots, chooses at which level
// every step runs, where to bootstrap, and which keys are needed. The plan is plain data; it can be printed, saved and
// run on a back end: on ciphertexts (example 7), or on plain vectors with levels, scales and noise accounted for.
//
// Usage: 6_from_graph_to_plan [--ring N|secure]     reads letters/model of example 5, writes letters/plan.
#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

#include "letters.h"
#include "narration.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/runtime/clear/clear_backend.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/system/progress.h"

using namespace polyformer;

namespace {

std::string bytes(std::size_t count) {
    return format_bytes(static_cast<double>(count));
}

void print_steps(const compile::Plan& plan) {
    fmt::print("{:<26} {:<17} {:>10} {:>10}\n", "node", "step", "levels", "estimate");
    for (const compile::Step& step : plan.steps) {
        fmt::print("{:<26} {:<17} {:>4} → {:<3} {:>7.0f} ms\n", step.name, compile::name_of(step.operation), step.level,
                   step.output_level, 1e3 * step.seconds);
    }
}

void print_row(const std::string& what, const compile::Plan& plan) {
    const compile::PlanSummary& summary = plan.summary;
    fmt::print("{:<20} {:>5} {:>10} {:>13} {:>12} {:>10} {:>9} {:>9} {:>8.1f} s\n", what, plan.frame.input_level,
               summary.bootstraps, summary.key_switches, plan.summary.rotation_keys, bytes(summary.key_bytes_memory),
               bytes(summary.request_bytes), bytes(summary.reply_bytes), summary.seconds);
}

/// Runs the plan on plain vectors that behave like ciphertexts.
std::vector<double> run_in_the_clear(const compile::Plan& plan, runtime::ClearBackend& backend,
                                     const model::Tensor& embedded) {
    std::vector<runtime::ClearValue> inputs;
    for (std::vector<double>& slots : compile::pack_input(plan.frame, embedded.values, {embedded.rows})) {
        inputs.push_back(backend.encrypt(std::move(slots), plan.frame.input_level));
    }
    std::vector<std::vector<double>> outputs;
    for (runtime::ClearValue& value : runtime::run(plan, backend, std::move(inputs), {embedded.rows}).outputs) {
        outputs.push_back(std::move(value.slots));
    }
    return compile::unpack_output(plan.frame, outputs, plan.frame.logit_rows({embedded.rows}));
}

}  // namespace

int main(int argc, char** argv) try {
    examples::require_folder("letters/model", "5_graph_of_your_own");
    const model::Graph graph = model::load_graph("letters/model");
    compile::PlanOptions options;
    options.parameters = examples::parameters_from(argc, argv, ckks::presets::bootstrapping_65536());
    options.positions = compile::Positions::last;  // what comes next: logits of the last letter only

    examples::heading("Compile");
    const compile::Plan plan = compile::compile(graph, options);
    fmt::print("packing: {} tokens x {} features in the {} slots of a ciphertext\n\n", plan.frame.packing.tokens,
               plan.frame.packing.features, plan.frame.packing.slots);
    print_steps(plan);

    examples::heading("Other choices, priced before anything runs");
    options.highest_input_level = 6;  // smaller requests, but levels run out earlier on the way
    const compile::Plan low = compile::compile(graph, options);
    options.highest_input_level.reset();
    options.images = compile::largest_image_count(graph, plan.frame.parameters);  // as many texts as fit, side by side
    const compile::Plan many = compile::compile(graph, options);
    fmt::print("{:<20} {:>5} {:>10} {:>13} {:>12} {:>10} {:>9} {:>9} {:>10}\n", "plan", "level", "bootstraps",
               "key switches", "rotation keys", "key memory", "request", "reply", "estimate");
    print_row("chosen: one text", plan);
    print_row("request at level 6", low);
    print_row(fmt::format("{} texts at a time", options.images), many);

    examples::heading("On the clear back end, with the noise that ciphertexts will have");
    const model::Embedding embedding = model::load_embedding("letters/model");
    double worst = 0;
    for (const std::string text : {"banan", "abracadabr", "mississip"}) {
        const model::Tensor embedded = embedding.embed(examples::ids_of(text));
        const std::vector<double> exact = examples::row(model::evaluate(graph, embedded).logits, embedded.rows - 1);
        for (const compile::Plan* one : {&plan, &low}) {
            runtime::ClearBackend backend(one->frame.parameters, one->frame.packing);
            const std::vector<double> logits = run_in_the_clear(*one, backend, embedded);
            const double error = examples::largest_error(logits, exact);
            worst = larger(worst, error);
            fmt::print("after {:<12} comes {:<26} error {:.1e}, {} bootstraps, {} steps met values outside [-1, 1]\n",
                       text, examples::describe(logits), error, one->summary.bootstraps, backend.excursions().size());
        }
    }

    examples::heading("Saved: a folder for each role");
    compile::save_plan(plan, graph, "letters/plan/server");  // weights and steps: the model's owner and the server
    // How to pack, at which scale, which keys to make: no weights. The embedding turns letters into numbers.
    service::save_client_plan(service::client_plan(plan), "letters/plan/client");
    model::save_embedding(embedding, "letters/plan/client");
    fmt::print("letters/plan/server and letters/plan/client\n");

    examples::heading("Result");
    examples::check("plans against the exact interpreter", worst, 1e-2);
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
