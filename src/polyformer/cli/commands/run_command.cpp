// `polyformer run`: all roles in one process, for trying out, with the encrypted answer beside the clear one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "polyformer/cli/answers/comparison.h"
#include "polyformer/cli/answers/text_answer.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/encrypted_run.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/plan_report.h"
#include "polyformer/cli/common/times_table.h"
#include "polyformer/compile/compile.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/runtime/clear/clear_backend.h"
#include "polyformer/runtime/executor.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::cli {

namespace {

struct RunOptions {
    std::string model;
    QuerySource source;
    ImageSample sample;
    std::string backend = "ckks";
    std::size_t top = kShownCandidates;
    PlanChoice choice{.positions = "all"};
    bool quiet = false;
    std::string json;
};

/// What was asked, by which plan, and what came of it.
struct Run {
    const RunOptions& options;
    const ClientPart& client;
    const Query& query;
    const compile::Plan& plan;
    Outcome outcome;
    std::vector<ClearAnswer> clear;
    Agreement agreement;
    std::vector<Answers> answers;  ///< none where the output is shown by its kind
    ShownAnswer shown;             ///< of such an output
    Validity validity;
};

/// The first of them: one slot far outside takes all that follows with it.
void note(const std::vector<runtime::Excursion>& excursions) {
    constexpr std::size_t kShown = 3;
    for (const runtime::Excursion& excursion : std::span(excursions).first(std::min(kShown, excursions.size()))) {
        to_stderr("note: {} slots left [-1, 1] in the {} of {}, the farthest is {}\n", excursion.slots,
                  excursion.operation, excursion.step, format_error(excursion.worst));
    }
    if (excursions.size() > kShown) to_stderr("note: and in {} more steps\n", excursions.size() - kShown);
}

/// The logits of one request.
std::vector<double> run_clear(const compile::Plan& plan, std::span<const model::Tensor> inputs) {
    compile::Lengths lengths;
    std::vector<double> values;
    for (const model::Tensor& input : inputs) {
        lengths.push_back(input.rows);
        values.insert(values.end(), input.values.begin(), input.values.end());
    }
    runtime::ClearBackend backend(plan.frame.parameters, plan.frame.packing);
    std::vector<runtime::ClearValue> packed;
    for (auto& slots : compile::pack_input(plan.frame, values, lengths)) {
        packed.push_back(backend.encrypt(std::move(slots), plan.frame.input_level));
    }
    const auto result = runtime::run(plan, backend, std::move(packed), lengths);
    note(backend.excursions());
    std::vector<std::vector<double>> slots;
    for (const auto& value : result.outputs) slots.push_back(value.slots);
    return compile::unpack_output(plan.frame, slots, plan.frame.logit_rows(lengths));
}

Outcome run_clear_requests(const compile::Plan& plan, std::span<const model::Tensor> inputs) {
    Outcome outcome;
    Stopwatch watch;
    for (const std::span<const model::Tensor> some : requests_of(plan, inputs)) {
        const std::vector<double> logits = run_clear(plan, some);
        outcome.logits.insert(outcome.logits.end(), logits.begin(), logits.end());
        ++outcome.requests;
    }
    outcome.infer_seconds = watch.seconds();
    return outcome;
}

std::string source_of(const RunOptions& options) {
    return options.backend == "ckks" ? "from ciphertext" : "from the clear back end";
}

double inputs_of(const Run& run) {
    return static_cast<double>(run.query.inputs.size());
}

void print_answers(const Run& run) {
    const Outcome& outcome = run.outcome;
    const Agreement& agreement = run.agreement;
    const std::string source = source_of(run.options);
    const bool by_kind = is_shown_by_kind(run.client.output());
    if (by_kind) {
        to_stdout("{}\n", run.shown.text);
    } else {
        to_stdout("{}:\n{}\n", run.client.heading(), format_table(run.answers, run.query.names, source));
    }
    std::vector<std::vector<std::string>> rows = {
        {"measured", ""},
        {by_kind && run.client.gives_one_row() ? "greatest error" : "greatest logit error",
         std::isfinite(agreement.max_error)
             ? fmt::format("{:.2g} ({:.1g} of their range)", agreement.max_error, agreement.max_relative_error)
             : format_error(agreement.max_error)},
        {"inputs outside intervals", fmt::format("{:.2g} %", 100 * run.validity.outside_share)},
        {"key generation", format_duration(outcome.keygen_seconds)},
        {"encryption", format_duration(outcome.encrypt_seconds)},
        {"inference", format_duration(outcome.infer_seconds)}};
    if (by_kind) {
        rows.insert(rows.begin() + 3, run.shown.measured.begin(), run.shown.measured.end());
    } else {
        const char* what = run.client.takes_images()    ? "image(s)"
                           : run.client.gives_one_row() ? "text(s)"
                                                        : "positions";
        rows.insert(rows.begin() + 3,
                    {fmt::format("equal {}", run.client.heading()),
                     fmt::format("{:.1f} % of {} {}", 100 * agreement.argmax_share, agreement.rows, what)});
    }
    if (!run.query.labels.empty()) {
        rows.insert(rows.begin() + 4,
                    {"right class", fmt::format("{} of {} {}, {} from the polynomial model", agreement.right,
                                                run.query.labels.size(), source, agreement.right_in_clear)});
    }
    if (run.query.inputs.size() > 1) {
        const char* what = run.client.takes_images() ? "image" : "text";
        rows.push_back(
            {fmt::format("inference a{} {}", *what == 'i' ? "n" : "", what),
             fmt::format("{} ({} request(s) of up to {} {}s)", format_duration(outcome.infer_seconds / inputs_of(run)),
                         outcome.requests, run.plan.frame.packing.images, what)});
    }
    rows.insert(rows.end(), {{"decryption", format_duration(outcome.decrypt_seconds)},
                             {"request", format_bytes(static_cast<double>(outcome.request_bytes))},
                             {"reply", format_bytes(static_cast<double>(outcome.reply_bytes))},
                             {"server keys", format_bytes(static_cast<double>(outcome.server_key_bytes))},
                             {"peak memory", format_bytes(static_cast<double>(peak_resident_bytes()))}});
    to_stdout("{}", format_table(rows));
}

nlohmann::json document_of(const Run& run) {
    const Outcome& outcome = run.outcome;
    const Agreement& agreement = run.agreement;
    const compile::Plan& plan = run.plan;
    nlohmann::json document{{"backend", run.options.backend},
                            {"security_bits", plan.frame.parameters.security_bits()},
                            {"log2_qp", plan.frame.parameters.log2_qp()},
                            {"ring_dimension", plan.frame.parameters.ring_dimension()},
                            {"bootstraps", plan.summary.bootstraps},
                            {"key_switches", plan.summary.key_switches},
                            {"seconds",
                             {{"keygen", outcome.keygen_seconds},
                              {"encrypt", outcome.encrypt_seconds},
                              {"infer", outcome.infer_seconds},
                              {"decrypt", outcome.decrypt_seconds}}},
                            {"peak_rss_bytes", peak_resident_bytes()},
                            {"request_bytes", outcome.request_bytes},
                            {"reply_bytes", outcome.reply_bytes},
                            {"server_key_bytes", outcome.server_key_bytes},
                            {"positions", agreement.rows},
                            {"max_abs_logit_error", finite_or_null(agreement.max_error)},
                            {"max_relative_logit_error", finite_or_null(agreement.max_relative_error)},
                            {"argmax_agreement", agreement.argmax_share},
                            {"by_operation", times_by_operation(outcome.profile)},
                            {"plan", to_json(plan)}};
    add_to(document, run.validity);
    if (!run.query.note.empty()) document["note"] = run.query.note;
    const std::vector<Answers>& answers = run.answers;
    if (run.client.takes_images()) {
        document["images"] = to_json(answers, run.query.names, run.client);
        document["requests"] = outcome.requests;
        if (!run.query.labels.empty()) {
            document["right_classes"] = {{"encrypted", agreement.right}, {"polynomial", agreement.right_in_clear}};
        }
        document["seconds"]["infer_an_image"] = outcome.infer_seconds / inputs_of(run);
        return document;
    }
    auto tokens = nlohmann::json::array();
    for (const model::Tensor& input : run.query.inputs) tokens.push_back(input.rows);
    document["tokens"] = tokens.size() == 1 ? tokens.front() : tokens;
    document["output"] = name_of(run.client.output());
    if (is_shown_by_kind(run.client.output())) {
        document.erase("argmax_agreement");
        document.update(run.shown.document);
    } else if (run.client.gives_one_row()) {
        document["texts"] = to_json(answers, run.query.names, run.client);
    } else {
        if (answers.size() > 1) {
            document["texts"] = to_json(answers, run.query.names, run.client);
            return document;
        }
        document["next_words"] = to_json(answers.front().found, run.client);
        document["next_words_polynomial"] = to_json(answers.front().polynomial, run.client);
        document["next_words_before_substitution"] = to_json(answers.front().before_substitution, run.client);
    }
    return document;
}

void run(const RunOptions& options) {
    require(options.backend == "ckks" || options.backend == "clear", "there is no back end '{}': choose ckks or clear",
            options.backend);
    require_folder(options.model, FolderKind::model);
    CommandFiles()
        .reads("model", options.model)
        .reads("--text-file", options.source.text.path())
        .reads("--text-lines", options.source.text.lines_path())
        .reads("--image", options.source.images)
        .reads("--data", options.sample.data)
        .writes("--json", options.json)
        .check();
    const model::Graph graph = model::load_graph(options.model);
    const ClientPart client(options.model);
    const ModelShape shape{graph.context, graph.width, graph.vocabulary};
    const Query query =
        options.sample.data.empty() ? client.read(options.source, shape) : client.read(options.sample, shape);
    print_note(query);
    PlanChoice choice = options.choice;
    if (client.output() == model::TextOutput::tokens) choice.positions = "all";
    const compile::Plan plan = compile::compile(graph, measured_plan_options(choice, graph, query.inputs.size()));
    if (options.json != "-") to_stdout("{}\n", describe(plan));
    if (options.backend == "ckks") {
        require_memory(plan.summary.key_bytes_memory + plan.summary.working_bytes, "this plan");
    }

    Run run{.options = options,
            .client = client,
            .query = query,
            .plan = plan,
            .outcome = options.backend == "ckks" ? run_encrypted(plan, query.inputs, options.quiet)
                                                 : run_clear_requests(plan, query.inputs),
            .clear = answer_in_the_clear(graph, query.inputs),
            .agreement = {},
            .answers = {},
            .shown = {},
            .validity = {}};
    run.agreement = compare(run.outcome.logits, run.clear, query.labels);
    bool same = false;
    if (is_shown_by_kind(client.output())) {
        run.shown = show({.outputs = run.outcome.logits,
                          .columns = graph.vocabulary,
                          .rows = rows_found(run.outcome.logits.size(), run.clear),
                          .client = client,
                          .name = source_of(options),
                          .names = query.names,
                          .clear = run.clear,
                          .tokens = query.tokens});
        same = run.shown.same;
    } else {
        run.answers = answers_of(run.outcome.logits, run.clear, client, options.top);
        same = run.agreement.argmax_share == 1 && same_as_before(run.answers);
    }
    run.validity = validity_of(run.agreement, run.clear, same, plan.frame.output_bound);
    if (options.json != "-") print_answers(run);
    for (const std::string& refusal : run.outcome.refusals) to_stderr("warning: {}\n", refusal);
    warn(run.validity);
    write_json(document_of(run), options.json);
    require_valid(run.validity);
}

}  // namespace

void add_run(CLI::App& program) {
    auto options = std::make_shared<RunOptions>();
    auto* command = program.add_subcommand("run", "All roles in one process: keys, encrypt, infer, decrypt, compare");
    command->footer(
        "Examples:\n"
        "  polyformer run models/wikitext-small --text-file examples/wikitext-passage.txt --backend ckks\n"
        "  polyformer run models/wikitext-small --text \"The film was\" --backend clear --json out.json\n"
        "  polyformer run minilm --text \"How do I block my card?\" --text \"I lost my card\"   # and their cosine\n"
        "  polyformer run models/cifar100-vit --image cat.png\n"
        "  polyformer run models/cifar100-vit --image cat.png --image dog.jpg   # both in one ciphertext\n"
        "  polyformer run models/cifar100-vit --data cifar-100 --most-images 20 --images 4   # four in each "
        "ciphertext");
    command->add_option("model", options->model, "The model folder")->required();
    add_query_options(*command, options->source);
    add_sample_options(*command, options->sample);
    command->add_option("--backend", options->backend, "ckks: on ciphertext; clear: the same plan on plain vectors")
        ->capture_default_str();
    add_top_option(*command, options->top);
    add_plan_choice(*command, options->choice);
    add_threads_option(*command);
    add_quiet_option(*command, options->quiet);
    add_json_option(*command, options->json);
    command->callback([options] { run(*options); });
}

}  // namespace polyformer::cli
