// The roles, one process each: keygen, encrypt and decrypt for the data owner, infer for the server.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/comparison.h"
#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/cli/common/folders.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/model/graph/fingerprint.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/support/error.h"
#include "polyformer/support/extremes.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/atomic_file.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"

namespace polyformer::cli {

namespace {

struct RoleOptions {
    std::string folder;  ///< the plan's client folder
    std::string secret;
    std::string keys;
    std::string request;
    std::string reply;
    std::string json;
    std::string logits;
    std::string disclose;
    std::string compare_with;
    std::string threads = "0";
    QuerySource source;
    bool profile = false;
    bool force = false;
    bool allow_insecure = false;
    std::uint64_t most_key_bytes = service::kMostServerKeyBytes;
};

ModelShape shape_of(const service::ClientPlan& plan) {
    return {plan.frame.context, plan.frame.width, plan.frame.vocabulary};
}

void keygen(const RoleOptions& options) {
    for (const std::string& path : {options.secret, options.keys}) {
        require<IoError>(options.force || !std::filesystem::is_regular_file(path),
                         "'{}' exists already: name another file, or overwrite it with --force", path);
    }
    const bool replaces_secret = is_secret_key_file(options.secret);
    require_folder(options.folder, FolderKind::plan_client);
    CommandFiles()
        .reads("client", options.folder)
        .writes("--secret", options.secret, FileAccess::secret_key)
        .writes("--server-keys", options.keys)
        .writes("--json", options.json)
        .check();
    const service::ClientPlan plan = service::load_client_plan(options.folder);
    const std::size_t key_bytes = plan.keys.file_bytes(plan.frame.parameters);
    if (key_bytes <= options.most_key_bytes) require_disk_space(key_bytes, options.keys);
    Progress progress("generating keys", 1);
    const service::KeyFiles files = service::create_keys(
        plan, options.secret, options.keys,
        options.allow_insecure ? service::WeakParameters::allow : service::WeakParameters::refuse,
        [&](double share) { progress.update(share); }, options.most_key_bytes);
    progress.finish();
    if (replaces_secret) to_stderr("note: --force has replaced the secret key '{}'\n", options.secret);
    if (options.json != "-") {
        to_stdout("secret key  {} ({}): keep it, give it to nobody\nserver keys {} ({}): for the server\n",
                  options.secret, format_bytes(static_cast<double>(files.secret_bytes)), options.keys,
                  format_bytes(static_cast<double>(files.server_bytes)));
    }
    write_json({{"secret_key_bytes", files.secret_bytes}, {"server_key_bytes", files.server_bytes}}, options.json);
}

void encrypt(const RoleOptions& options) {
    require_folder(options.folder, FolderKind::plan_client);
    CommandFiles()
        .reads("client", options.folder)
        .reads("--secret", options.secret)
        .reads("--text-file", options.source.text.path())
        .reads("--image", options.source.images)
        .writes("--request", options.request)
        .writes("--json", options.json)
        .check();
    const service::ClientPlan plan = service::load_client_plan(options.folder);
    const ClientPart client(options.folder);
    const Query query = client.read(options.source, shape_of(plan));
    print_note(query);
    const ckks::SecretKey secret = ckks::load_secret_key(options.secret, plan.frame.parameters);
    const service::Request request = service::make_request(plan, secret, query.inputs);
    const std::size_t bytes = service::save_request(options.request, plan.frame.parameters, request);
    const std::string what = client.takes_images() ? fmt::format("{} image(s)", query.inputs.size())
                                                   : fmt::format("{} tokens", request.tokens);
    if (options.json != "-") {
        to_stdout("{} encrypted: {} ({})\n", what, options.request, format_bytes(static_cast<double>(bytes)));
    }
    write_json({{"tokens", request.tokens}, {"images", request.images}, {"request_bytes", bytes}}, options.json);
}

/// Logits (images, rows, vocabulary) as a document of their own.
nlohmann::json logits_document(const service::PrivateLogits& shape, std::span<const double> values) {
    auto images = nlohmann::json::array();
    for (std::size_t image = 0; image < shape.images(); ++image) {
        auto& rows = images.emplace_back(nlohmann::json::array());
        for (std::size_t row = 0; row < shape.rows(); ++row, values = values.subspan(shape.vocabulary())) {
            const auto some = values.first(shape.vocabulary());
            rows.push_back(std::vector<double>(some.begin(), some.end()));
        }
    }
    return {{"rows", shape.rows()}, {"logits", images}};
}

/// A power of two that hides the noise in roundings: many times what the plan foresees.
double disclosed_grid(const service::ClientPlan& plan) {
    constexpr double kTimesNoise = 1024;
    return std::exp2(std::ceil(std::log2(kTimesNoise * plan.output_noise)));
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
void write_logits(const RoleOptions& options, const service::ClientPlan& plan, const service::PrivateLogits& logits) {
    if (!options.logits.empty()) {
        nlohmann::json document = logits_document(logits, logits.exact_for_data_owner());
        document["noise"] = plan.output_noise;
        write_file(options.logits, document.dump() + "\n", FileAccess::owner_only);
    }
    if (!options.disclose.empty()) {
        const double grid = disclosed_grid(plan);
        nlohmann::json document = logits_document(logits, logits.rounded(grid));
        document["grid"] = grid;
        write_file(options.disclose, document.dump() + "\n");
    }
}

/// Decrypted answers beside those of a model in the clear, which are added to `results`; says whether they mean
/// anything.
Validity compare_with_model(const RoleOptions& options, const ClientPart& client, const service::ClientPlan& plan,
                            const service::PrivateLogits& logits, nlohmann::json& results) {
    const compile::Frame& frame = plan.frame;
    const Query query = client.read(options.source, shape_of(plan));
    print_note(query);
    const model::Graph graph = model::load_graph(options.compare_with);
    require<FormatError>(model::fingerprint(graph) == frame.model_fingerprint,
                         "'{}' is another model than the plan '{}' was made of: compare with that one",
                         options.compare_with, options.folder);
    const auto clear = answer_in_the_clear(graph, query.inputs);
    const Agreement agreement = compare(logits.exact_for_data_owner(), clear);
    std::vector<Answers> answers = answers_of(logits.exact_for_data_owner(), clear, client);
    for (std::size_t i = 0; i < answers.size(); ++i) answers[i].found = coarse(logits, i, client);
    if (options.json != "-") {
        to_stdout("{}:\n{}greatest logit error {} over {} row(s), equal {} in {:.1f} %\n", client.heading(),
                  format_table(answers, query.names, "from ciphertext"), format_error(agreement.max_error),
                  agreement.rows, client.heading(), 100 * agreement.argmax_share);
    }
    const Validity validity = validity_of(agreement, clear, answers, frame.output_bound);
    results["max_abs_logit_error"] = finite_or_null(agreement.max_error);
    results["argmax_agreement"] = agreement.argmax_share;
    if (client.takes_images()) results["compared"] = to_json(answers, query.names, client);
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

void decrypt(const RoleOptions& options) {
    for (const std::string& path : {options.logits, options.disclose}) {
        require(path != "-", "logits go to a file of their own, not to standard output: name one");
    }
    require_private_place(options.logits);
    require_folder(options.folder, FolderKind::plan_client);
    CommandFiles()
        .reads("client", options.folder)
        .reads("--secret", options.secret)
        .reads("--reply", options.reply)
        .reads("--request", options.request)
        .reads("--compare-with", options.compare_with)
        .reads("--text-file", options.source.text.path())
        .reads("--image", options.source.images)
        .writes("--logits", options.logits, FileAccess::owner_only)
        .writes("--disclose", options.disclose)
        .writes("--json", options.json)
        .check();
    if (!options.compare_with.empty()) require_folder(options.compare_with, FolderKind::model);
    const service::ClientPlan plan = service::load_client_plan(options.folder);
    const ClientPart client(options.folder);
    client.require_names_for(plan.frame.vocabulary);
    const ckks::SecretKey secret = ckks::load_secret_key(options.secret, plan.frame.parameters);
    std::optional<service::Asked> asked;
    if (!options.request.empty()) asked = service::load_asked(options.request, plan.frame.parameters);
    const service::Reply reply = service::load_reply(options.reply, plan, secret, asked);
    const service::PrivateLogits logits = open_or_leave(plan, secret, reply, asked);
    const bool print = options.json != "-" && options.compare_with.empty();

    nlohmann::json results{{"rows", logits.rows()}};
    for (std::size_t image = 0; image < logits.images(); ++image) {
        const std::vector<Candidate> candidates = coarse(logits, image, client);
        if (print) {
            const std::string which = logits.images() > 1 ? fmt::format("image {}, ", image + 1) : "";
            to_stdout("{}{}, by the encrypted computation:\n", which, client.heading());
            for (const Candidate& candidate : candidates) to_stdout("  {}\n", to_cell(candidate));
        }
        if (client.takes_images()) {
            results["images"].push_back({{"classes", to_json(candidates, client)}});
        } else {
            results["next_words"] = to_json(candidates, client);
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

/// Becomes `polyformer-server`, the program beside this one that cannot read a secret key.
void infer(const RoleOptions& options) {
    require_folder(options.folder, FolderKind::plan_server);
    const std::filesystem::path server = program_beside_this("polyformer-server");
    std::vector<std::string> words{server.string(), "--plan",  options.folder, "--keys",    options.keys,   "--request",
                                   options.request, "--reply", options.reply,  "--threads", options.threads};
    if (!options.json.empty()) words.insert(words.end(), {"--json", options.json});
    if (options.profile) words.emplace_back("--profile");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(server.c_str(), arguments.data());
    fail<IoError>("cannot start {}: {}; install it beside polyformer", server.string(), std::strerror(errno));
}

/// Adds a subcommand whose callback gets its own options.
CLI::App& add_role(CLI::App& program, const char* name, const char* description, const char* example,
                   void (*body)(const RoleOptions&), const std::shared_ptr<RoleOptions>& options) {
    auto* command = program.add_subcommand(name, description);
    command->footer(std::string("Examples:\n  ") + example);
    add_json_option(*command, options->json);
    command->callback([options, body] { body(*options); });
    return *command;
}

}  // namespace

void add_keygen(CLI::App& program) {
    auto options = std::make_shared<RoleOptions>();
    auto& command =
        add_role(program, "keygen", "Make a secret key and the server's keys for a plan",
                 "polyformer keygen plan/client --secret secret.key --server-keys server.keys", keygen, options);
    add_threads_option(command);
    command.add_option("client", options->folder, "The plan's client folder")->required();
    command.add_option("--secret", options->secret, "Where to write the secret key (mode 0600)")->required();
    command.add_option("--server-keys", options->keys, "Where to write the keys for the server")->required();
    command.add_flag("--force", options->force, "Overwrite existing files");
    command.add_flag("--allow-insecure", options->allow_insecure, "For tests: make keys for insecure parameters");
    command
        .add_option("--most-key-bytes", options->most_key_bytes,
                    "Refuse a plan that asks for more bytes of server keys, such as 64GiB (default: 32GiB)")
        ->transform(CLI::AsSizeValue(false))
        ->check(whole_number(1, std::uint64_t{1} << 50));
}

void add_encrypt(CLI::App& program) {
    auto options = std::make_shared<RoleOptions>();
    auto& command = add_role(program, "encrypt", "Encrypt a text as a request to the server",
                             "polyformer encrypt plan/client --secret secret.key --text-file passage.txt "
                             "--request request.bin",
                             encrypt, options);
    command.add_option("client", options->folder, "The plan's client folder")->required();
    command.add_option("--secret", options->secret, "The secret key")->required();
    add_query_options(command, options->source);
    command.add_option("--request", options->request, "Where to write the request")->required();
}

void add_infer(CLI::App& program) {
    auto options = std::make_shared<RoleOptions>();
    auto& command = add_role(program, "infer", "Compute on an encrypted request (starts polyformer-server)",
                             "polyformer infer plan/server --keys server.keys --request request.bin --reply reply.bin",
                             infer, options);
    command.add_option("plan", options->folder, "The plan's server folder")->required();
    command.add_option("--keys", options->keys, "The client's evaluation keys")->required();
    command.add_option("--request", options->request, "The request")->required();
    command.add_option("--reply", options->reply, "Where to write the reply")->required();
    command.add_flag("--profile", options->profile, "Print seconds by operation and by layer");
    command.add_option("--threads", options->threads, "Threads; 0: all cores")->check(whole_number(0, 1024));
}

void add_decrypt(CLI::App& program) {
    auto options = std::make_shared<RoleOptions>();
    auto& command = add_role(
        program, "decrypt", "Decrypt a reply and show the most likely next words, or classes of images",
        "polyformer decrypt plan/client --secret secret.key --reply reply.bin\n"
        "  polyformer decrypt plan/client --secret secret.key --reply reply.bin --compare-with model --image cat.png",
        decrypt, options);
    command.description(
        "Decrypt a reply and show the most likely next words, or classes of images.\n"
        "Probabilities are rounded to whole percent, on the terminal and in --json: exact results carry noise that\n"
        "depends on the secret key, and whoever sees many of them can recover it (SECURITY.md)");
    command.add_option("client", options->folder, "The plan's client folder")->required();
    command.add_option("--secret", options->secret, "The secret key")->required();
    command.add_option("--reply", options->reply, "The server's reply")->required();
    command.add_option("--request", options->request,
                       "The request that was sent: refuse a reply to any other. Without it a reply to another request "
                       "under the same key goes unnoticed");
    command.add_option("--logits", options->logits,
                       "Write the exact logits of all positions to this file as JSON (mode 0600): for the data owner "
                       "alone, never for the server");
    command.add_option("--disclose", options->disclose,
                       "Write logits rounded to a grid 1024 times the noise that the plan foresees to this file as "
                       "JSON, to be shown to others. A heuristic, no proof: see SECURITY.md");
    auto* compared = command.add_option(
        "--compare-with", options->compare_with,
        "A model folder: show its answers in the clear to the same text or images beside the decrypted ones, and the "
        "greatest error, which is for the data owner alone");
    add_query_options(command, options->source, compared);
}

}  // namespace polyformer::cli
