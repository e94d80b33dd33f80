// `polyformer bench layer`: transformer layers of a given shape on ciphertext, with real keys, checked against the
// exact interpreter. Weights are random; everything else is as in a real run.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "polyformer/ckks/bootstrapping/bootstrap_counts.h"
#include "polyformer/ckks/kernels/kernels.h"
#include "polyformer/cli/bench/bench_commands.h"
#include "polyformer/cli/bench/work_counts.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/encrypted_run.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/compile/compile.h"
#include "polyformer/model/builders/random_model.h"
#include "polyformer/model/interpreter/interpreter.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/parallel.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::cli {

namespace {

using nlohmann::json;

/// Greatest difference to the exact interpreter's logits that counts as right.
constexpr double kGreatestError = 0.01;

struct LayerOptions {
    model::RandomModelOptions shape{
        .layers = 1, .width = 512, .heads = 8, .context = 128, .feed_forward = 0, .vocabulary = 64, .samples = 4};
    std::size_t insecure_ring_dimension = 0;
    std::string keys = "fast";
    std::string costs;
    std::string json;
    bool quiet = false;
};

/// Seconds of one kind of step.
struct StepTime {
    std::size_t steps = 0;
    double measured = 0;
    double estimated = 0;
};

/// Where a run's time went. Layers hold the bootstraps of their own inputs, the first one's as well; what comes behind
/// the last layer (final norm, logits) is apart.
struct LayerTimes {
    std::map<std::string, StepTime> by_layer;      ///< "layers.0", ..., "final_norm", "logits"
    std::map<std::string, StepTime> by_operation;  ///< within layers

    double layers_seconds() const {
        double sum = 0;
        for (const auto& [operation, time] : by_operation) sum += time.measured;
        return sum;
    }
};

LayerTimes times_of(const compile::Plan& plan, const runtime::Profile& profile) {
    LayerTimes times;
    const auto add = [](StepTime& time, const runtime::ProfileEntry& entry, const compile::Step& step) {
        ++time.steps;
        time.measured += entry.seconds;
        time.estimated += step.seconds;
    };
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const runtime::ProfileEntry& entry = profile.entries.at(i);
        const std::string layer = runtime::layer_of(entry.step);
        add(times.by_layer[layer], entry, plan.steps[i]);
        if (layer.starts_with("layers.")) add(times.by_operation[entry.operation], entry, plan.steps[i]);
    }
    return times;
}

/// In the middle of a network a layer's input comes exhausted: the plan may not start above the level that bootstraps
/// take, so that the first layer pays for its refresh like any other.
compile::Plan plan_of(const model::Graph& graph, const LayerOptions& options) {
    compile::PlanOptions wanted = measured_plan_options({.positions = "all",
                                                         .insecure_ring_dimension = options.insecure_ring_dimension,
                                                         .keys = options.keys,
                                                         .costs = options.costs},
                                                        graph);
    wanted.highest_input_level = wanted.parameters.bootstrapping->slots_to_coefficients_levels;
    return compile::compile(graph, wanted);
}

/// Seconds that the layers would take if all arithmetic ran at the machine's peak: of the plan that the compiler would
/// choose then, as it counts transforms and multiply-adds.
double floor_of(const model::Graph& graph, const compile::Plan& plan, const MachinePeak& peak) {
    constexpr std::size_t kCostsAreFor = 65536;
    const auto seconds = [&](const Work& work) { return work.multiply_adds / peak.multiply_adds_per_second; };
    compile::PlanOptions options = plan.options;
    options.costs.threads = 1;  // the peak is that of all threads
    options.costs.ntt = seconds(ntt_work(kCostsAreFor));
    options.costs.product_word = 1 / peak.multiply_adds_per_second;
    options.costs.conversion_word = options.costs.inner_word = options.costs.product_word;
    options.costs.encoding_word = options.costs.sum_word = 0;  // no multiply-adds, or few
    options.costs.key_word = 2 * options.costs.product_word;   // one for each half of the key
    options.costs.bootstrap = seconds(work_of(ckks::bootstrap_counts(plan.frame.parameters, 1), kCostsAreFor));
    options.costs.bootstrap_second =
        seconds(work_of(ckks::bootstrap_counts(plan.frame.parameters, 2), kCostsAreFor)) - options.costs.bootstrap;
    double sum = 0;
    for (const compile::Step& step : compile::compile(graph, options).steps) {
        if (runtime::layer_of(step.name).starts_with("layers.")) sum += step.seconds;
    }
    return sum;
}

json times_to_json(const std::map<std::string, StepTime>& times) {
    json object = json::object();
    for (const auto& [name, time] : times) {
        object[name] = {{"steps", time.steps}, {"seconds", time.measured}, {"estimated_seconds", time.estimated}};
    }
    return object;
}

void print_times(const LayerTimes& times) {
    std::vector<std::vector<std::string>> table{{"within layers", "steps", "s", "% of layers", "estimated s"}};
    const auto seconds = [](double value) { return fmt::format("{:.2f}", value); };
    for (const auto& [name, time] : times.by_operation) {
        table.push_back({name, fmt::format("{}", time.steps), seconds(time.measured),
                         fmt::format("{:.0f}", 100 * time.measured / times.layers_seconds()), seconds(time.estimated)});
    }
    for (const auto& [name, time] : times.by_layer) {
        table.push_back({name, fmt::format("{}", time.steps), seconds(time.measured), "", seconds(time.estimated)});
    }
    to_stdout("\n{}\n", format_table(table));
}

void print_outcome(const Outcome& outcome, const compile::Plan& plan, const LayerTimes& times, double error,
                   double floor) {
    to_stdout("{}",
              format_table({{"measured", ""},
                            {"layers", format_duration(times.layers_seconds())},
                            {"their floor by our own count", fmt::format("{:.2f} s, {:.0f} % of the machine's peak",
                                                                         floor, 100 * floor / times.layers_seconds())},
                            {"whole inference", format_duration(outcome.infer_seconds)},
                            {"estimated by the plan", format_duration(plan.summary.seconds)},
                            {"greatest error of the output", fmt::format("{:.2g}", error)},
                            {"key generation", format_duration(outcome.keygen_seconds)},
                            {"encryption", format_duration(outcome.encrypt_seconds)},
                            {"decryption", format_duration(outcome.decrypt_seconds)},
                            {"server keys", format_bytes(static_cast<double>(outcome.server_key_bytes))},
                            {"peak memory", format_bytes(static_cast<double>(outcome.peak_resident_bytes))},
                            {"page faults during inference", fmt::format("{}", outcome.page_faults)},
                            {"threads, kernels", fmt::format("{}, {}", thread_count(), ckks::kernels().name)}}));
}

json results_to_json(const LayerOptions& options, const Outcome& outcome, const compile::Plan& plan,
                     const LayerTimes& times, double error, double floor) {
    const model::RandomModelOptions& shape = options.shape;
    return {{"shape",
             {{"layers", shape.layers},
              {"width", shape.width},
              {"heads", shape.heads},
              {"tokens", shape.context},
              {"feed_forward", shape.feed_forward}}},
            {"threads", thread_count()},
            {"kernels", ckks::kernels().name},
            {"layers_seconds", times.layers_seconds()},
            {"layers_floor_seconds", floor},
            {"share_of_peak", floor / times.layers_seconds()},
            {"by_layer", times_to_json(times.by_layer)},
            {"by_operation", times_to_json(times.by_operation)},
            {"seconds",
             {{"keygen", outcome.keygen_seconds},
              {"encrypt", outcome.encrypt_seconds},
              {"infer", outcome.infer_seconds},
              {"decrypt", outcome.decrypt_seconds}}},
            {"greatest_error", error},
            {"greatest_error_allowed", kGreatestError},
            {"peak_rss_bytes", outcome.peak_resident_bytes},
            {"key_bytes", outcome.server_key_bytes},
            {"page_faults", outcome.page_faults},
            {"plan", to_json(plan)}};
}

double greatest_difference(const std::vector<double>& found, const std::vector<double>& expected) {
    require(found.size() == expected.size(), "{} logits came back, the interpreter has {}", found.size(),
            expected.size());
    double greatest = 0;
    for (std::size_t i = 0; i < found.size(); ++i) greatest = larger(greatest, std::abs(found[i] - expected[i]));
    return greatest;
}

void bench_layer(LayerOptions options) {
    CommandFiles().writes("--json", options.json).check();
    model::RandomModelOptions& shape = options.shape;
    if (shape.feed_forward == 0) shape.feed_forward = 4 * shape.width;
    const bool print = options.json != "-";
    to_stderr("model and plan ...\n");
    const model::Transformer transformer = model::random_model(shape);
    const compile::Plan plan = plan_of(transformer.graph, options);
    if (print) to_stdout("{}\n", describe(plan));
    require_memory(plan.summary.key_bytes_memory + plan.summary.working_bytes, "this plan");

    // The first of the sequences that the model's intervals and bounds were measured on, so it lies within them: what
    // is checked here is the encrypted computation, not how well a random model behaves on other text.
    const auto ids = model::random_tokens(shape.context, shape.vocabulary, shape.seed + 1);
    const model::Tensor embedded = transformer.embedding.embed(ids);
    const Outcome outcome = run_encrypted(plan, std::span(&embedded, 1), options.quiet);
    const model::Evaluation exact = model::evaluate(transformer.graph, embedded);
    const double error = greatest_difference(outcome.logits, exact.logits.values);
    const LayerTimes times = times_of(plan, outcome.profile);
    const double floor = floor_of(transformer.graph, plan, measure_peak(ckks::kernels(), thread_count()));
    if (print) {
        print_times(times);
        print_outcome(outcome, plan, times, error, floor);
    }
    write_json(results_to_json(options, outcome, plan, times, error, floor), options.json);
    if (!(error < kGreatestError)) {
        throw std::runtime_error(
            fmt::format("the output differs from the exact interpreter's by up to {:.3g}; at most {} is right", error,
                        kGreatestError));
    }
}

}  // namespace

void add_bench_layer(CLI::App& bench) {
    auto options = std::make_shared<LayerOptions>();
    auto* command = bench.add_subcommand(
        "layer", "A transformer layer of a given shape on ciphertext, checked against the exact interpreter");
    command->footer(
        "Examples:\n  polyformer bench layer --width 512 --heads 8 --tokens 128 --json layer.json\n"
        "  polyformer bench layer --width 128 --heads 2 --tokens 64 --layers 2 --threads 1\n\n"
        "The layer's input comes exhausted, as in the middle of a network, so its refresh is counted. Exit code 1 "
        "when\n"
        "the output is wrong by 0.01 or more. The shape of the first example takes some 9 GiB of memory.");
    model::RandomModelOptions& shape = options->shape;
    command->add_option("--layers", shape.layers, "Transformer layers")
        ->check(whole_number(1, 1000))
        ->capture_default_str();
    command->add_option("--width", shape.width, "Features of the residual stream")
        ->check(whole_number(1, 1 << 16))
        ->capture_default_str();
    command->add_option("--heads", shape.heads, "Attention heads; they divide the width")
        ->check(whole_number(1, 1 << 16))
        ->capture_default_str();
    command->add_option("--tokens", shape.context, "Tokens of the text")
        ->check(whole_number(1, 1 << 16))
        ->capture_default_str();
    command->add_option("--feed-forward", shape.feed_forward, "Hidden features of the MLP; 0: four times the width")
        ->check(whole_number(0, 1 << 18))
        ->capture_default_str();
    command->add_option("--seed", shape.seed, "Of weights and text")
        ->check(whole_number(0, std::numeric_limits<std::uint64_t>::max()))
        ->capture_default_str();
    add_keys_option(*command, options->keys);
    add_costs_option(*command, options->costs);
    add_insecure_ring_option(*command, options->insecure_ring_dimension);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    add_quiet_option(*command, options->quiet);
    command->callback([options] { bench_layer(*options); });
}

}  // namespace polyformer::cli
