// `polyformer decrypt`: the data owner's last step, which shows words or classes and keeps exact logits to itself.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/cli/answers/comparison.h"
#include "polyformer/cli/answers/text_answer.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/service/shown_values.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"

namespace polyformer::cli {

namespace {

struct DecryptOptions {
    std::string folder;  ///< the plan's client folder
    std::string secret;
    std::string request;
    std::string reply;
    std::string json;
    std::string logits;
    std::string disclose;
    std::string compare_with;
    std::size_t top = kShownCandidates;
    QuerySource source;
};

/// Logits, (rows, vocabulary) of one image or text behind the other, as a document of their own.
nlohmann::json logits_document(const service::PrivateLogits& shape, std::span<const double> values) {
    auto images = nlohmann::json::array();
    for (std::size_t image = 0; image < shape.images(); ++image) {
        auto& rows = images.emplace_back(nlohmann::json::array());
        for (std::size_t row = 0; row < shape.rows()[image]; ++row, values = values.subspan(shape.vocabulary())) {
            const auto some = values.first(shape.vocabulary());
            rows.push_back(std::vector<double>(some.begin(), some.end()));
        }
    }
    return {{"rows", one_or_list(shape.rows())}, {"logits", images}};
}

/// Exact logits go into a file of mode 0600, or nowhere: no stream, device or pipe, by whatever name.
void require_private_place(const std::filesystem::path& path) {
    std::error_code missing;
    for (const char* stream : {"/dev/stdout", "/dev/stderr"}) {
        require(!std::filesystem::equivalent(path, stream, missing),
                "--logits '{}' is a standard stream: exact logits go into a private file, name one", path.string());
    }
    require(!std::filesystem::exists(path, missing) || std::filesystem::is_regular_file(path, missing),
            "--logits '{}' is no regular file: exact logits go into a private file, name one", path.string());
}

/// What leaves the process beyond words and whole percent, each into a file that was asked for.
void write_logits(const DecryptOptions& options, const service::ClientPlan& plan,
                  const service::PrivateLogits& logits) {
    if (!options.logits.empty()) {
        nlohmann::json document = logits_document(logits, logits.exact_for_data_owner());
        document["noise"] = plan.output_noise;
        write_file(options.logits, document.dump() + "\n", FileAccess::owner_only);
    }
    if (!options.disclose.empty()) {
        const double grid = service::disclosed_grid(plan);
        nlohmann::json document = logits_document(logits, logits.rounded(grid));
        document["grid"] = grid;
        write_file(options.disclose, document.dump() + "\n");
    }
}

/// What is shown by its kind, rounded.
AnswerSource source_of(const service::ClientPlan& plan, const ClientPart& client, const service::PrivateLogits& logits,
                       std::span<const ClearAnswer> clear = {}, std::span<const model::EncodedText> tokens = {}) {
    AnswerSource source{.outputs = logits.exact_for_data_owner(),
                        .columns = logits.vocabulary(),
                        .rows = logits.rows(),
                        .client = client,
                        .name = "from ciphertext",
                        .names = {},
                        .clear = clear,
                        .tokens = tokens,
                        .grid = service::shown_grid(plan)};
    for (std::size_t i = 0; i < logits.images(); ++i) {
        source.names.push_back(logits.images() > 1 ? fmt::format("text {}", i + 1) : "the text");
    }
    return source;
}

/// Decrypted answers beside those of a model in the clear, which are added to `results`; says whether they mean
/// anything.
Validity compare_with_model(const DecryptOptions& options, const ClientPart& client, const service::ClientPlan& plan,
                            const service::PrivateLogits& logits, nlohmann::json& results) {
    const compile::Frame& frame = plan.frame;
    const Query query = client.read(options.source, {frame.context, frame.width, frame.vocabulary});
    print_note(query);
    const model::Graph graph = model::load_graph(options.compare_with);
    require<FormatError>(model::fingerprint(graph) == frame.model_fingerprint,
                         "'{}' is another model than the plan '{}' was made of: compare with that one",
                         options.compare_with, options.folder);
    const auto clear = answer_in_the_clear(graph, query.inputs);
    const Agreement agreement = compare(logits.exact_for_data_owner(), clear);
    results["max_abs_logit_error"] = finite_or_null(agreement.max_error);
    if (is_shown_by_kind(client.output())) {
        const ShownAnswer shown = show(source_of(plan, client, logits, clear, query.tokens));
        results.update(shown.document);
        if (options.json != "-") {
            std::vector<std::vector<std::string>> measured{{"measured", ""},
                                                           {"greatest error", format_error(agreement.max_error)}};
            measured.insert(measured.end(), shown.measured.begin(), shown.measured.end());
            to_stdout("{}\n{}", shown.text, format_table(measured));
        }
        const Validity validity = validity_of(agreement, clear, shown.same, frame.output_bound);
        add_to(results, validity);
        return validity;
    }
    std::vector<Answers> answers = answers_of(logits.exact_for_data_owner(), clear, client, options.top);
    for (std::size_t i = 0; i < answers.size(); ++i) answers[i].found = coarse(logits, i, client, options.top);
    if (options.json != "-") {
        to_stdout("{}:\n{}greatest logit error {} over {} row(s), equal {} in {:.1f} %\n", client.heading(),
                  format_table(answers, query.names, "from ciphertext"), format_error(agreement.max_error),
                  agreement.rows, client.heading(), 100 * agreement.argmax_share);
    }
    const bool same = agreement.argmax_share == 1 && same_as_before(answers);
    const Validity validity = validity_of(agreement, clear, same, frame.output_bound);
    results["argmax_agreement"] = agreement.argmax_share;
    if (client.gives_one_row() || answers.size() > 1) results["compared"] = to_json(answers, query.names, client);
    add_to(results, validity);
    return validity;
}

/// A reply that cannot be sound is told apart from one that does not fit.
service::PrivateLogits open_or_leave(const service::ClientPlan& plan, const ckks::SecretKey& secret,
                                     const service::Reply& reply, const std::optional<service::Asked>& asked) {
    try {
        return service::open_reply(plan, secret, reply, asked);
    } catch (const service::InvalidAnswer& error) {
        to_stderr("error: {}\n", error.what());
        throw CLI::RuntimeError(static_cast<int>(ExitCode::invalid_answer));
    }
}

void decrypt(const DecryptOptions& options) {
    for (const std::string& path : {options.logits, options.disclose}) {
        require(path != "-", "logits go to a file of their own, not to standard output: name one");
    }
    require_private_place(options.logits);
    const bool compared = !options.compare_with.empty();
    require_folder(options.folder, FolderKind::plan_client);
    CommandFiles()
        .reads("client", options.folder)
        .reads("--secret", options.secret)
        .reads("--reply", options.reply)
        .reads("--request", options.request)
        .reads("--compare-with", options.compare_with)
        .reads("--text-file", options.source.text.path())
        .reads("--text-lines", options.source.text.lines_path())
        .reads("--image", options.source.images)
        .writes("--logits", options.logits, FileAccess::owner_only)
        .writes("--disclose", options.disclose)
        .writes("--json", options.json)
        .check();
    if (compared) require_folder(options.compare_with, FolderKind::model);
    const service::ClientPlan plan = service::load_client_plan(options.folder);
    const ClientPart client(options.folder);
    client.require_names_for(plan.frame.vocabulary);
    require(compared || !options.source.text.given() || client.output() == model::TextOutput::tokens,
            "a text is for comparing the answer with: give the model too, with --compare-with");
    const ckks::SecretKey secret = ckks::load_secret_key(options.secret, plan.frame.parameters);
    std::optional<service::Asked> asked;
    if (!options.request.empty()) asked = service::load_asked(options.request, plan.frame.parameters);
    const service::Reply reply = service::load_reply(options.reply, plan, secret, asked);
    const service::PrivateLogits logits = open_or_leave(plan, secret, reply, asked);
    const bool print = options.json != "-" && options.compare_with.empty();

    nlohmann::json results{{"rows", one_or_list(logits.rows())}};
    const bool by_kind = is_shown_by_kind(client.output());
    if (by_kind) results["output"] = name_of(client.output());
    if (by_kind && options.compare_with.empty()) {
        std::vector<model::EncodedText> tokens;
        if (options.source.text.given()) {
            const compile::Frame& frame = plan.frame;
            tokens = client.read(options.source, {frame.context, frame.width, frame.vocabulary}).tokens;
        }
        const ShownAnswer shown = show(source_of(plan, client, logits, {}, tokens));
        if (print) to_stdout("{}", shown.text);
        results.update(shown.document);
    }
    for (std::size_t image = 0; !by_kind && image < logits.images(); ++image) {
        const std::vector<Candidate> candidates = coarse(logits, image, client, options.top);
        if (print) {
            const std::string which =
                logits.images() > 1 ? fmt::format("{} {}, ", client.takes_images() ? "image" : "text", image + 1) : "";
            to_stdout("{}{}, by the encrypted computation:\n", which, client.heading());
            for (const Candidate& candidate : candidates) to_stdout("  {}\n", to_cell(candidate));
        }
        const char* kind = client.gives_one_row() ? "classes" : "next_words";
        if (client.gives_one_row() || logits.images() > 1) {
            results[client.takes_images() ? "images" : "texts"].push_back({{kind, to_json(candidates, client)}});
        } else {
            results[kind] = to_json(candidates, client);
        }
    }
    write_logits(options, plan, logits);
    Validity validity;
    if (!options.compare_with.empty()) {
        validity = compare_with_model(options, client, plan, logits, results);
        warn(validity);
    }
    write_json(results, options.json);
    require_valid(validity);
}

}  // namespace

void add_decrypt(CLI::App& program) {
    auto options = std::make_shared<DecryptOptions>();
    auto* command = program.add_subcommand(
        "decrypt",
        "Decrypt a reply and show what the model gives: the most likely next words, classes, an embedding, the best\n"
        "documents, or the text as the model would have it (with --text: where it differs).\n"
        "Probabilities are rounded to whole percent and numbers to a grid, on the terminal and in --json: exact "
        "results\n"
        "carry noise that depends on the secret key, and whoever sees many of them can recover it (SECURITY.md)");
    command->footer(
        "Examples:\n"
        "  polyformer decrypt plan/client --secret secret.key --reply reply.bin\n"
        "  polyformer decrypt plan/client --secret secret.key --reply reply.bin --compare-with model --image cat.png");
    add_json_option(*command, options->json);
    command->add_option("client", options->folder, "The plan's client folder")->required();
    command->add_option("--secret", options->secret, "The secret key")->required();
    command->add_option("--reply", options->reply, "The server's reply")->required();
    command->add_option("--request", options->request,
                        "The request that was sent: refuse a reply to any other. Without it a reply to another request "
                        "under the same key goes unnoticed");
    command->add_option("--logits", options->logits,
                        "Write the exact logits of all positions to this file as JSON (mode 0600): for the data owner "
                        "alone, never for the server");
    command->add_option("--disclose", options->disclose,
                        "Write logits rounded to a grid 1024 times the noise that the plan foresees to this file as "
                        "JSON, to be shown to others. A heuristic, no proof: see SECURITY.md");
    add_top_option(*command, options->top);
    auto* compared = command->add_option(
        "--compare-with", options->compare_with,
        "A model folder: show its answers in the clear to the same text or images beside the decrypted ones, and the "
        "greatest error, which is for the data owner alone");
    add_query_options(*command, options->source, compared);
    command->callback([options] { decrypt(*options); });
}

}  // namespace polyformer::cli
