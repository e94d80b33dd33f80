// The roles up to the reply, one process each: keygen and encrypt for the data owner, infer for the server.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/cli/commands/commands.h"
#include "polyformer/cli/common/client_part.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/service/client.h"
#include "polyformer/support/error.h"
#include "polyformer/support/folders/folder_kind.h"
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
    std::string threads = "0";
    QuerySource source;
    bool profile = false;
    bool quiet = false;
    bool force = false;
    bool allow_insecure = false;
    std::uint64_t most_key_bytes = service::kMostServerKeyBytes;
};

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
    Progress progress("generating keys", 1, options.quiet);
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
        .reads("--text-lines", options.source.text.lines_path())
        .reads("--image", options.source.images)
        .writes("--request", options.request)
        .writes("--json", options.json)
        .check();
    const service::ClientPlan plan = service::load_client_plan(options.folder);
    const ClientPart client(options.folder);
    const Query query = client.read(options.source, {plan.frame.context, plan.frame.width, plan.frame.vocabulary});
    print_note(query);
    const ckks::SecretKey secret = ckks::load_secret_key(options.secret, plan.frame.parameters);
    const service::Request request = service::make_request(plan, secret, query.inputs);
    const std::size_t bytes = service::save_request(options.request, plan.frame.parameters, request);
    const std::size_t count = query.inputs.size();
    const std::string tokens = fmt::format("{} tokens", format_counts(request.lengths));
    const std::string what = client.takes_images() ? fmt::format("{} image(s)", count)
                             : count > 1           ? fmt::format("{} texts of {}", count, tokens)
                                                   : tokens;
    if (options.json != "-") {
        to_stdout("{} encrypted: {} ({})\n", what, options.request, format_bytes(static_cast<double>(bytes)));
    }
    write_json({{"tokens", one_or_list(request.lengths)}, {"images", count}, {"request_bytes", bytes}}, options.json);
}

/// Becomes `polyformer-server`, the program beside this one that cannot read a secret key.
void infer(const RoleOptions& options) {
    require_folder(options.folder, FolderKind::plan_server);
    const std::filesystem::path server = program_beside_this("polyformer-server");
    std::vector<std::string> words{server.string(), "--plan",  options.folder, "--keys",    options.keys,   "--request",
                                   options.request, "--reply", options.reply,  "--threads", options.threads};
    if (!options.json.empty()) words.insert(words.end(), {"--json", options.json});
    if (options.profile) words.emplace_back("--profile");
    if (options.quiet) words.emplace_back("--quiet");
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
    add_quiet_option(command, options->quiet);
}

void add_encrypt(CLI::App& program) {
    auto options = std::make_shared<RoleOptions>();
    auto& command = add_role(program, "encrypt", "Encrypt texts or images as a request to the server",
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
    add_quiet_option(command, options->quiet);
}

}  // namespace polyformer::cli
