// `polyformer-server`: answers one encrypted request. Links nothing that knows what a secret key is.
#include <CLI/CLI.hpp>
#include <string>

#include "polyformer/cli/common/exit_codes.h"
#include "polyformer/cli/common/options.h"
#include "polyformer/cli/common/output.h"
#include "polyformer/cli/common/times_table.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/service/server.h"
#include "polyformer/support/folders/folder_kind.h"
#include "polyformer/support/process/memory_limit.h"
#include "polyformer/support/process/standard_streams.h"
#include "polyformer/support/system/command_files.h"
#include "polyformer/support/system/progress.h"
#include "polyformer/support/version.h"

namespace polyformer::cli {

namespace {

struct InferOptions {
    std::string plan;
    std::string keys;
    std::string request;
    std::string reply;
    std::string json;
    bool profile = false;
    bool quiet = false;
};

void infer(const InferOptions& options) {
    require_folder(options.plan, FolderKind::plan_server);
    CommandFiles()
        .reads("--plan", options.plan)
        .reads("--keys", options.keys)
        .reads("--request", options.request)
        .writes("--reply", options.reply)
        .writes("--json", options.json)
        .check();
    const compile::Plan plan = compile::load_plan(options.plan);
    // What is wrong with the keys or the request shows before gigabytes of keys are read.
    const std::string key_fingerprint = service::check_server_keys(options.keys, plan);
    const service::Request request = service::load_request(options.request, plan, key_fingerprint);
    require_memory(plan.summary.key_bytes_memory + plan.summary.working_bytes, "this plan");
    Progress loading("loading keys", 1, options.quiet);
    const auto keys = service::load_server_keys(options.keys, plan, [&](double share) { loading.update(share); });
    loading.finish();
    Progress computing("computing on ciphertext", 1, options.quiet);
    const service::Inference inference = service::infer(
        plan, keys, request, [&](double share, const std::string& step) { computing.update(share, step); });
    computing.finish();
    const std::size_t reply_bytes = service::save_reply(options.reply, plan.frame.parameters, inference.reply);
    const std::size_t count = request.lengths.size();
    const std::string inputs = count > 1 ? fmt::format("{} inputs of ", count) : "";
    to_stdout("{}{} tokens answered in {}; reply {}, peak memory {}\n", inputs, format_counts(request.lengths),
              format_duration(inference.seconds), format_bytes(static_cast<double>(reply_bytes)),
              format_bytes(static_cast<double>(inference.peak_resident_bytes)));
    if (options.profile) to_stdout("{}", describe(inference.profile, inference.seconds));
    auto profile = nlohmann::json::array();
    for (const auto& entry : inference.profile.entries) {
        profile.push_back({{"step", entry.step},
                           {"operation", entry.operation},
                           {"level", entry.level},
                           {"seconds", entry.seconds},
                           {"processor_seconds", entry.processor_seconds},
                           {"planned_seconds", entry.planned_seconds}});
    }
    write_json({{"seconds", inference.seconds},
                {"tokens", one_or_list(request.lengths)},
                {"images", count},
                {"peak_rss_bytes", inference.peak_resident_bytes},
                {"reply_bytes", reply_bytes},
                {"server_key_bytes", keys->bytes()},
                {"profile", profile}},
               options.json);
}

int run_server(int argc, char** argv) {
    InferOptions options;
    CLI::App program{"Computes a transformer on an encrypted request. Knows no secret key.", "polyformer-server"};
    program.footer(
        "Example:\n  polyformer-server --plan plan/server --keys server.keys --request request.bin --reply reply.bin");
    program.set_version_flag("--version", fmt::format("polyformer-server {}", version()));
    program.add_option("--plan", options.plan, "The plan's server folder")->required();
    program.add_option("--keys", options.keys, "The client's evaluation keys")->required();
    program.add_option("--request", options.request, "The encrypted request")->required();
    program.add_option("--reply", options.reply, "Where to write the encrypted reply")->required();
    add_json_option(program, options.json);
    program.add_flag("--profile", options.profile, "Print seconds by operation and by layer");
    add_threads_option(program);
    add_quiet_option(program, options.quiet);
    program.callback([&options] { infer(options); });
    return parse(program, argc, argv);
}

}  // namespace

}  // namespace polyformer::cli

int main(int argc, char** argv) {
    return polyformer::cli::guarded([&] { return polyformer::cli::run_server(argc, argv); });
}
