// `polyformer run`: all roles in one process, for trying out, with the encrypted answer beside the clear one.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/comparison.h"
#include "cli/encrypted_run.h"
#include "cli/output.h"
#include "cli/plan_report.h"
#include "cli/text.h"
#include "model/interpreter.h"
#include "model/interval_report.h"
#include "runtime/clear_backend.h"
#include "support/error.h"
#include "support/progress.h"

namespace polyformer::cli {

namespace {

struct RunOptions {
    std::string model;
    TextSource text;
    std::string backend = "ckks";
    PlanChoice choice{"all", 0};
    std::string json;
};

Outcome run_clear(const compile::Plan& plan, const model::Embedding& embedding, std::span<const std::int32_t> ids) {
    Outcome outcome;
    Stopwatch watch;
    const model::Tensor embedded = embedding.embed(ids);
    runtime::ClearBackend backend(plan.parameters, plan.packing);
    std::vector<runtime::ClearValue> inputs;
    for (auto& slots : compile::pack_input(plan, embedded.values, embedded.rows)) {
        inputs.push_back(backend.encrypt(std::move(slots), plan.input_level));
    }
    const auto result = runtime::run(plan, backend, std::move(inputs), ids.size(), {});
    for (const runtime::Excursion& excursion : backend.excursions()) {
        fmt::print(stderr, "note: {} slots left [-1, 1] in the {} of {}, by up to {:.2f}\n", excursion.slots,
                   excursion.operation, excursion.step, excursion.worst - 1);
    }
    std::vector<std::vector<double>> slots;
    for (const auto& value : result.outputs) slots.push_back(value.slots);
    const bool last = plan.options.positions == compile::Positions::last;
    outcome.logits = compile::unpack_output(plan, slots, last ? 1 : ids.size());
    outcome.infer_seconds = watch.seconds();
    return outcome;
}

void run(const RunOptions& options) {
    require(options.backend == "ckks" || options.backend == "clear", "there is no back end '{}': choose ckks or clear",
            options.backend);
    const std::filesystem::path folder = options.model;
    const model::Graph graph = model::load_graph(folder);
    const model::Embedding embedding = model::load_embedding(folder);
    const auto tokenizer = find_tokenizer(folder);
    const auto ids = read_tokens(options.text, tokenizer, graph.context);
    const compile::Plan plan = compile::compile(graph, plan_options(options.choice));
    if (options.json != "-") fmt::print("{}\n", describe(plan));

    const ClearAnswers clear = answer_in_the_clear(graph, embedding, ids);
    const bool encrypted = options.backend == "ckks";
    const Outcome outcome = encrypted ? run_encrypted(plan, embedding, ids) : run_clear(plan, embedding, ids);
    const Agreement agreement = compare(outcome.logits, clear.polynomial.logits);
    const NextWords words = next_words(outcome.logits, clear, tokenizer);
    if (options.json != "-") {
        fmt::print("most likely next:\n{}\n",
                   format_table(words, encrypted ? "from ciphertext" : "from the clear back end"));
        fmt::print(
            "{}", format_table({{"measured", ""},
                                {"greatest logit error", fmt::format("{:.2g}", agreement.max_error)},
                                {"equal most likely token",
                                 fmt::format("{:.1f} % of {} positions", 100 * agreement.argmax_share, agreement.rows)},
                                {"key generation", format_duration(outcome.keygen_seconds)},
                                {"encryption", format_duration(outcome.encrypt_seconds)},
                                {"inference", format_duration(outcome.infer_seconds)},
                                {"decryption", format_duration(outcome.decrypt_seconds)},
                                {"request", format_bytes(static_cast<double>(outcome.request_bytes))},
                                {"reply", format_bytes(static_cast<double>(outcome.reply_bytes))},
                                {"server keys", format_bytes(static_cast<double>(outcome.server_key_bytes))},
                                {"peak memory", format_bytes(static_cast<double>(peak_resident_bytes()))}}));
    }
    write_json({{"backend", options.backend},
                {"tokens", ids.size()},
                {"security_bits", plan.parameters.security_bits()},
                {"log2_qp", plan.parameters.log2_qp()},
                {"ring_dimension", plan.parameters.ring_dimension()},
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
                {"max_abs_logit_error", agreement.max_error},
                {"argmax_agreement", agreement.argmax_share},
                {"out_of_interval_fraction", model::outside_share(clear.polynomial.intervals)},
                {"next_words", to_json(words.found)},
                {"next_words_polynomial", to_json(words.polynomial)},
                {"next_words_before_substitution", to_json(words.before_substitution)},
                {"plan", to_json(plan)}},
               options.json);
}

}  // namespace

void add_run(CLI::App& program) {
    auto options = std::make_shared<RunOptions>();
    auto* command = program.add_subcommand("run", "All roles in one process: keys, encrypt, infer, decrypt, compare");
    command->footer(
        "Examples:\n"
        "  polyformer run models/wikitext-small --text-file examples/wikitext-passage.txt --backend ckks\n"
        "  polyformer run models/wikitext-small --text \"The film was\" --backend clear --json out.json");
    command->add_option("model", options->model, "The model folder")->required();
    command->add_option("--text", options->text.text, "The text itself");
    command->add_option("--text-file", options->text.file, "A file with the text");
    command->add_option("--token-ids", options->text.ids, "Token ids, for a model without a tokenizer");
    command->add_option("--backend", options->backend, "ckks: on ciphertext; clear: the same plan on plain vectors")
        ->capture_default_str();
    add_plan_choice(*command, options->choice);
    add_threads_option(*command);
    add_json_option(*command, options->json);
    command->callback([options] { run(*options); });
}

}  // namespace polyformer::cli
